"""Waiting for a slot over HTTP: in turn, bounded, and not for ever."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.api.serving import ADMIN_KEY, API_KEY, OTHER_KEY, Serving, serving
from tests.app.api.test_leaving import active, send_chat
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until

CHAT = "/v1/chat/completions"
FLOOD = 100
ENDLESS = "word " * 2000


def body(text: str = "hi", *, stream: bool = False, model: str = "parrot") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}


async def one_slot(node: Serving, client: httpx.AsyncClient) -> None:
    """Load the model, so that it is known how many sequences it has."""
    assert (await client.post(CHAT, json=body())).status_code == 200
    assert node.admission.running == 0


async def test_a_flood_of_one_key_holds_another_up_for_one_turn(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=200)
    done: list[str] = []

    async def ask(client: httpx.AsyncClient, name: str) -> None:
        answer = await client.post(CHAT, json=body("two words"))
        assert answer.status_code == 200
        done.append(name)

    limits = httpx.Limits(max_connections=None)
    async with (
        serving(tmp_path) as node,
        node.http(OTHER_KEY) as single,
        httpx.AsyncClient(
            base_url=node.url, headers={"x-api-key": API_KEY}, limits=limits, timeout=60
        ) as flood,
        asyncio.TaskGroup() as tasks,
    ):
        await one_slot(node, single)
        for number in range(FLOOD):
            tasks.create_task(ask(flood, f"flood {number}"))
        await until(lambda: node.admission.waiting > FLOOD / 2, "the flood waits")
        before = len(done)
        await ask(single, "single")
    assert done.index("single") <= before + 2  # what runs, and one that came at the same moment
    assert len(done) == FLOOD + 1
    assert (node.admission.running, node.admission.waiting) == (0, 0)


async def test_answers_that_waited_say_so(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=50)
    async with serving(tmp_path, cors_origins=["*"]) as node, node.http() as client:
        await one_slot(node, client)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(client.post(CHAT, json=body("one two three")))
            await until(lambda: node.admission.running == 1, "the first one is being answered")
            second = tasks.create_task(
                client.post(CHAT, json=body(stream=True), headers={"origin": "http://a"})
            )
        metrics = (await client.get("/metrics")).text
    assert "x-queue-status" not in first.result().headers
    answer = second.result()
    assert answer.headers["x-queue-status"] == "queued"
    assert answer.headers["x-queue-wait-ms"].isdigit()
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-queue-status", "x-queue-wait-ms"} <= set(exposed)
    assert node.log.records[-1].trace.queued_s > 0
    assert "corral_queue_wait_seconds_count 1.0" in metrics
    assert "corral_queue_waiting 0.0" in metrics


async def test_the_queue_is_full(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=20)
    async with serving(tmp_path, queue_max=1) as node, node.http() as client:
        await one_slot(node, client)
        _, first = await send_chat(node, stream=True)
        await until(lambda: node.admission.running == 1, "the first one is being answered")
        _, second = await send_chat(node, stream=True)
        await until(lambda: node.admission.waiting == 1, "the second one waits")
        third = await client.post(CHAT, json=body())
        for writer in (second, first):
            writer.close()
            await writer.wait_closed()
        await until(lambda: node.admission.running + node.admission.waiting == 0, "both have left")
        metrics = (await client.get("/metrics")).text
    error = third.json()["error"]
    assert (third.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "queue_full")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert (third.headers["x-queue-status"], third.headers["x-queue-wait-ms"]) == ("queued", "0")
    assert 'corral_requests_refused_total{reason="queue_full"} 1.0' in metrics


async def test_waiting_ends(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=20)
    async with serving(tmp_path, queue_timeout_s=0.2) as node, node.http() as client:
        await one_slot(node, client)
        _, first = await send_chat(node, stream=True)
        await until(lambda: node.admission.running == 1, "the first one is being answered")
        second = await client.post(CHAT, json=body())
        first.close()
        await first.wait_closed()
        await until(lambda: node.admission.running == 0, "the first one has left")
        assert (await client.post(CHAT, json=body())).status_code == 200
    error = second.json()["error"]
    assert (second.status_code, error["type"], error["code"]) == (504, "timeout_error", "queue_timeout")
    assert (second.headers["x-queue-status"], second.headers["x-queue-wait-ms"]) == ("queued", "200")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_the_queue_is_forgotten(tmp_path: Path, stream: bool) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=20)
    async with serving(tmp_path) as node, node.http() as client:
        await one_slot(node, client)
        _, first = await send_chat(node, stream=stream)
        await until(lambda: node.admission.running == 1, "the first one is being answered")
        _, second = await send_chat(node, stream=stream)
        await until(lambda: node.admission.waiting == 1, "the second one waits")
        second.close()
        await second.wait_closed()
        await until(lambda: node.admission.waiting == 0, "the second one has left")
        await until(lambda: active(node) == 1, "the first one goes on")
        assert node.admission.running == 1
        first.close()
        await first.wait_closed()
        await until(lambda: node.admission.running == 0, "the slot is free")
        assert (await client.post(CHAT, json=body())).status_code == 200


async def test_a_worker_that_dies_frees_its_slots(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=100, crash_after_tokens=4)
    async with serving(tmp_path) as node, node.http() as client:
        await one_slot(node, client)
        crashed = await client.post(CHAT, json=body(ENDLESS, stream=True))
        assert "endpoint_failed" in crashed.text
        assert (node.admission.running, node.admission.waiting) == (0, 0)
        assert (await client.post(CHAT, json=body())).status_code == 200


async def test_every_way_to_write_a_name_waits_for_the_same_slot(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=20)
    async with serving(tmp_path) as node, node.http() as client:
        await one_slot(node, client)
        _, first = await send_chat(node, stream=True)
        await until(lambda: node.admission.running == 1, "the first one is being answered")
        waiting = asyncio.create_task(client.post(CHAT, json=body(model=" PARROT ")))
        await until(lambda: node.admission.waiting == 1, "the second one waits")
        unknown = await client.post(CHAT, json=body(model="nobody"))
        assert unknown.status_code == 404
        first.close()
        await first.wait_closed()
        assert (await waiting).headers["x-queue-status"] == "queued"


async def test_the_admin_key_waits_like_any_other(tmp_path: Path) -> None:
    write_echo(tmp_path, max_sequences=1, tokens_per_s=20)
    async with serving(tmp_path, queue_max=1) as node, node.http(ADMIN_KEY) as client:
        await one_slot(node, client)
        _, first = await send_chat(node, stream=True)
        await until(lambda: node.admission.running == 1, "the first one is being answered")
        waiting = asyncio.create_task(client.post(CHAT, json=body()))
        await until(lambda: node.admission.waiting == 1, "the second one waits")
        first.close()
        await first.wait_closed()
        assert (await waiting).status_code == 200
