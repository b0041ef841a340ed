"""The log over HTTP, and the request ids in it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import structlog

from corral.app.logs import Logs
from tests.app.api.serving import ADMIN_KEY, API_KEY, LOG_LIMITS, Serving, serving
from tests.engines.echo_files import write_echo

LOG = "/v0/dashboard/logs/router"
DEADLINE_S = 20.0


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    opened = Logs(folder=tmp_path / "logs", level="info", limits=LOG_LIMITS, terminal=io.StringIO())
    opened.open(now=datetime.now(UTC))
    yield opened
    opened.close()


def entries(logs: Logs) -> list[dict[str, Any]]:
    """What the files hold, complete."""
    logs.close()
    return [
        json.loads(line) for path in sorted(logs.folder.iterdir()) for line in path.read_text().splitlines()
    ]


@asynccontextmanager
async def logging_node(tmp_path: Path, logs: Logs) -> AsyncIterator[Serving]:
    async with serving(tmp_path, logs=logs) as node:
        yield node


async def until_logged(node: Serving, event: str) -> list[dict[str, Any]]:
    """The log over HTTP, as soon as an event stands in it: a thread writes the files."""
    async with node.http(ADMIN_KEY) as client, asyncio.timeout(DEADLINE_S):
        while True:
            found: list[dict[str, Any]] = (await client.get(LOG)).json()["entries"]
            if any(entry["event"] == event for entry in found):
                return found
            await asyncio.sleep(0.01)


async def test_the_log_is_read_from_its_end(tmp_path: Path, logs: Logs) -> None:
    async with logging_node(tmp_path, logs) as node, node.http(ADMIN_KEY) as client:
        log = structlog.get_logger("corral.test")
        for number in range(5):
            log.info(f"number {number}")
        log.error("trouble", request_id="r-1")
        log.info("last")
        found = await until_logged(node, "last")
        assert [entry["event"] for entry in found] == [*(f"number {n}" for n in range(5)), "trouble", "last"]
        answer = (await client.get(LOG, params={"limit": 2})).json()
        assert [entry["event"] for entry in answer["entries"]] == ["trouble", "last"]
        assert answer["total"] == 2
        for params in ({"level": "warning"}, {"request_id": "r-1"}, {"level": "error", "request_id": "r-1"}):
            answer = (await client.get(LOG, params=params)).json()
            assert [entry["event"] for entry in answer["entries"]] == ["trouble"]
        assert (await client.get(LOG, params={"request_id": "r-2"})).json() == {"entries": [], "total": 0}


@pytest.mark.parametrize(
    "params", [{"limit": "0"}, {"limit": "5001"}, {"limit": "x"}, {"level": "loud"}, {"level": "INFO"}]
)
async def test_wrong_questions_are_refused(tmp_path: Path, params: dict[str, str]) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as client:
        answer = await client.get(LOG, params=params)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] in params


async def test_the_level_can_be_changed_and_counts_at_once(tmp_path: Path, logs: Logs) -> None:
    async with logging_node(tmp_path, logs) as node, node.http(ADMIN_KEY) as client:
        assert (await client.get("/log/level")).json() == {"level": "info"}
        log = structlog.get_logger("corral.test")
        log.debug("unheard")
        assert (await client.post("/log/level", json={"level": "debug"})).json() == {"level": "debug"}
        log.debug("heard")
        assert (await client.get("/log/level")).json() == {"level": "debug"}
        found = await until_logged(node, "heard")
        assert [entry["event"] for entry in found if entry["logger"] == "corral.test"] == ["heard"]
        audit = (await client.get("/v0/audit")).json()["entries"]
        assert audit[0]["details"] == {"level": "debug"}


@pytest.mark.parametrize(
    "body", [{}, {"level": "loud"}, {"level": "DEBUG"}, {"level": 1}, {"level": "info", "x": 1}]
)
async def test_unknown_levels_are_refused(tmp_path: Path, logs: Logs, body: dict[str, object]) -> None:
    async with logging_node(tmp_path, logs) as node, node.http(ADMIN_KEY) as client:
        answer = await client.post("/log/level", json=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
        assert logs.level == "info"


async def test_only_administrators_may(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        for key, status in ((None, 401), (API_KEY, 403)):
            async with node.http(key) as client:
                assert (await client.get(LOG)).status_code == status
                assert (await client.get("/log/level")).status_code == status
                assert (await client.post("/log/level", json={"level": "debug"})).status_code == status
                assert (await client.get("/v0/node/tasks")).status_code == status


def chat(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "a b"}]}


async def test_entries_of_a_request_carry_its_id_and_no_other(tmp_path: Path, logs: Logs) -> None:
    """Requests of one connection, one after the other, and many at the same time; tasks made for them too."""
    for number in range(4):
        write_echo(tmp_path, f"broken{number}", load_error="no such luck")
    async with logging_node(tmp_path, logs) as node, node.http() as client:

        async def ask(number: int) -> None:
            headers = {"x-request-id": f"id-{number}"}
            answer = await client.post("/v1/chat/completions", json=chat(f"broken{number}"), headers=headers)
            assert answer.status_code == 503

        await ask(0)
        await ask(1)
        await asyncio.gather(ask(2), ask(3))
        structlog.get_logger("corral.test").info("outside")
    found = entries(logs)
    for number in range(4):
        own = {entry["event"] for entry in found if entry.get("request_id") == f"id-{number}"}
        assert own >= {"loading model", "loading failed", "endpoint failed"}
        assert {entry["request_id"] for entry in found if entry.get("model") == f"broken{number}"} == {
            f"id-{number}"
        }
    assert [entry for entry in found if entry["event"] == "outside" and "request_id" in entry] == []


async def test_what_happens_later_carries_no_id_of_who_asked_first(tmp_path: Path, logs: Logs) -> None:
    write_echo(tmp_path)
    before = set(psutil.Process().children())
    async with logging_node(tmp_path, logs) as node, node.http() as client:
        answer = await client.post(
            "/v1/chat/completions", json=chat("parrot"), headers={"x-request-id": "id-0"}
        )
        assert answer.status_code == 200
        [worker] = set(psutil.Process().children()) - before
        worker.kill()
        await until_logged(node, "model crashed")
    found = {entry["event"]: entry.get("request_id") for entry in entries(logs)}
    assert found["model loaded"] == "id-0"
    assert found["model crashed"] is None


async def test_a_request_without_an_id_gets_one_in_the_log(tmp_path: Path, logs: Logs) -> None:
    write_echo(tmp_path, "broken", load_error="no such luck")
    async with logging_node(tmp_path, logs) as node, node.http() as client:
        answer = await client.post("/v1/chat/completions", json=chat("broken"))
    [failed] = [entry for entry in entries(logs) if entry["event"] == "endpoint failed"]
    assert failed["request_id"] == answer.headers["x-request-id"]
