"""The history after kill -9 and on a full disk; and secrets that must not be anywhere in it."""

import asyncio
import contextlib
import os
import re
import sqlite3
import time
from pathlib import Path

import httpx
import pytest

from tests.acceptance.node import API_KEY, Node
from tests.engines.echo_files import write_echo
from tests.small_disk import SmallDisk

ROUNDS = int(os.environ.get("CORRAL_TEST_CRASHES", "3"))
PER_SECOND = 50
LOST_S = 1.0  # what ended so long before the kill must be there
DEADLINE_S = 30.0
PATH = "/v0/dashboard/request-responses"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    write_echo(folder)
    return folder


def chat(text: str) -> dict[str, object]:
    return {"model": "parrot", "messages": [{"role": "user", "content": text}]}


async def ask_until_killed(node: Node, seconds: float) -> dict[str, float]:
    """About 50 requests a second, then kill -9 in the middle; the ids of answered ones and when they ended."""
    answered: dict[str, float] = {}

    async def ask(http: httpx.AsyncClient, number: int) -> None:
        id = f"{node.process.pid}-{number}"
        with contextlib.suppress(httpx.TransportError):
            headers = {"authorization": f"Bearer {API_KEY}", "x-request-id": id}
            answer = await http.post("/v1/chat/completions", json=chat(f"number {number}"), headers=headers)
            if answer.status_code == 200:
                answered[id] = time.monotonic()

    async with httpx.AsyncClient(base_url=node.url, timeout=10) as http, asyncio.TaskGroup() as group:
        for number in range(int(seconds * PER_SECOND)):
            group.create_task(ask(http, number))
            await asyncio.sleep(1 / PER_SECOND)
        await asyncio.to_thread(node.kill)
    killed_at = time.monotonic()
    return {id: killed_at - at for id, at in answered.items()}


async def test_a_killed_node_loses_the_last_second_at_most(tmp_path: Path, models: Path) -> None:
    node = Node(tmp_path / "data", models=models)
    try:
        for round in range(ROUNDS):
            if round:
                node.start_again()
            else:
                node.wait_until_ready()
            ages = await ask_until_killed(node, 2.0 + round % 5 / 10)
            with contextlib.closing(sqlite3.connect(node.home / "corral.db")) as database:
                assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                kept = {row[0] for row in database.execute("SELECT request_id FROM requests")}
                texts = database.execute("SELECT count(*) FROM request_texts").fetchone()[0]
            assert len(ages) > PER_SECOND
            assert {id: age for id, age in ages.items() if age > LOST_S and id not in kept} == {}
            assert texts == len(kept)
    finally:
        if node.process.poll() is None:
            node.kill()


def until(condition: object, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_full_disk_pauses_recording_and_nothing_else(small_disk: SmallDisk, models: Path) -> None:
    node = Node(small_disk.folder / "data", models=models)
    try:
        node.wait_until_ready()
        with node.client() as http:

            def ask(text: str) -> int:
                return http.post("/v1/chat/completions", json=chat(text)).status_code

            def recording() -> object:
                return http.get("/health").json()["recording"]

            def total() -> object:
                return http.get(PATH).json()["total"]

            assert ask("before") == 200
            until(lambda: total() == 1, "the first request is recorded")
            small_disk.fill()
            assert ask("long" + " word" * 4_000) == 200
            until(lambda: recording() == "paused", "recording pauses")
            assert [ask(f"number {number}") for number in range(20)] == [200] * 20
            response = http.post("/v1/responses", json={"model": "parrot", "input": "kept or not"})
            assert response.status_code == 200
            health = http.get("/health")
            assert (health.status_code, health.json()["status"]) == (200, "ok")
            assert "/" not in health.json()["recording_reason"]
            refused = http.post("/v0/api-keys", json={"name": "x" * 100, "scopes": ["api"]})
            assert refused.status_code in (201, 507)  # a page may have had room for it
            small_disk.make_room()
            until(lambda: recording() == "ok", "recording goes on")
            until(lambda: total() == 23, "what waited is there")
    finally:
        node.stop()


SECRETS = {
    "key": "sk_" + "Zz9" * 11,
    "bearer": "Bearer tokentokentoken77",
    "password": "hunter2hunter2",
    "cookie": "corral_session=eyJhbGciOi.J9eyJzdWIi.c2lnbmF0dXJl",
}


def test_secrets_are_nowhere(tmp_path: Path, models: Path) -> None:
    """Keys, tokens, passwords and cookies in headers and bodies: not in the history, its export, logs or errors."""
    node = Node(tmp_path / "data", models=models, settings={"CORRAL_LOG_LEVEL": "debug"})
    said = ""
    try:
        node.wait_until_ready()
        with node.client() as http:
            for headers in (
                {"x-api-key": SECRETS["key"]},
                {"authorization": SECRETS["bearer"]},
                {"cookie": SECRETS["cookie"]},
                {},
            ):
                for path, body in (
                    ("/v1/chat/completions", chat(f"my key is {SECRETS['key']}, {SECRETS['bearer']}")),
                    ("/v1/chat/completions", {**chat("hi"), "password": SECRETS["password"]}),
                    ("/v0/auth/login", {"username": "admin", "password": SECRETS["password"]}),
                    ("/v0/users", {"username": "u", "passwrod": SECRETS["password"]}),
                    ("/v0/auth/register", {"code": "inv_" + "q" * 32, "username": "u", "password": "x"}),
                ):
                    answer = http.post(path, json=body, headers=headers)
                    if path != "/v1/chat/completions" or answer.status_code != 200:  # a parrot repeats
                        said += answer.text
            until(lambda: http.get(PATH).json()["total"] >= 8, "the requests are recorded")
            said += http.get(f"{PATH}/export?format=json").text + http.get(f"{PATH}/export").text
            said += http.get("/v0/audit?limit=1000").text
    finally:
        node.stop()
    said += node.output()
    for log in (node.home / "logs").glob("*"):
        said += log.read_text()
    files = list(node.home.glob("*.db"))
    assert len(files) == 2  # the database and the ledger
    for file in files:
        with contextlib.closing(sqlite3.connect(file)) as database:
            said += "\n".join(database.iterdump())
    for secret in (*SECRETS.values(), API_KEY, "inv_" + "q" * 32):
        assert re.search(re.escape(secret.removeprefix("Bearer ")), said) is None, secret
    assert "my key is sk_***" in said  # it was looked at at all
