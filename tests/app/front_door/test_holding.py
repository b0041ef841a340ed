"""No router, and routers that die."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.app.front_door.scripted_app import EVENTS, Script, ready
from tests.app.front_door.two_nodes import HERE, NOBODY, Cluster2, two_nodes
from tests.engines.waiting import DEADLINE_S, until

CHAT: dict[str, Any] = {"model": "parrot", "messages": [{"role": "user", "content": "one two"}]}
PATH = "/v1/chat/completions"


async def signs_of_life(both: Cluster2, number: int) -> None:
    """Return when the router has said so often that it lives, and nothing else."""
    for _ in range(number):
        heard = both.router.wire.back_bytes
        await until(lambda heard=heard: both.router.wire.back_bytes > heard, "a sign of life")  # type: ignore[misc]


def posted(both: Cluster2, client: httpx.AsyncClient, path: str = PATH) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post(path, json=CHAT))


async def test_a_request_is_held_until_there_is_a_router(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http() as client:
        both.board.write(NOBODY)
        answering = posted(both, client)
        await until(lambda: both.board.waiting == 1, "it is held")
        both.board.write(both.router.there)
        assert (await answering).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", "/v0/users"), ("HEAD", "/nowhere")])
async def test_without_a_router_it_is_said_so(tmp_path: Path, method: str, path: str) -> None:
    async with two_nodes(tmp_path, hold_s=0.1) as both, both.door.http() as client:
        both.board.write(NOBODY)
        answer = await client.request(method, path, json=CHAT, headers={"x-request-id": "mine"})
        health = await client.get("/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["x-request-id"] == "mine"
    assert ("x-corral-node" in answer.headers) is path.startswith("/v1")
    if method != "HEAD":
        assert answer.json()["error"]["code"] == "no_router"
    assert health.status_code == 200  # each node answers it itself


async def test_who_leaves_is_held_no_longer(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http() as client:
        both.board.write(NOBODY)
        answering = posted(both, client)
        await until(lambda: both.board.waiting == 1, "it is held")
        answering.cancel()
        await until(lambda: both.board.waiting == 0, "it is held no longer")


async def test_who_becomes_router_answers_what_it_held(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http() as client:
        both.board.write(NOBODY)
        answering = asyncio.create_task(
            client.post("/v1/embeddings", json={"model": "none", "input": "x" * 100_000})
        )
        await until(lambda: both.board.waiting == 1, "it is held")
        both.board.write(HERE)
        answer = await answering
        assert answer.json()["error"]["code"] == "model_not_found"  # this node has none
        assert [len(record.request_body) > 100_000 for record in both.near.log.records] == [True]


@pytest.mark.parametrize("size", [10, 200_000, 3_000_000])
async def test_inference_is_sent_again_when_the_router_dies_before_it_answers(
    tmp_path: Path, size: int
) -> None:
    app = Script()
    body = {"model": "parrot", "input": "x" * size}
    async with two_nodes(tmp_path, standby=True, app=app) as both, both.door.http() as client:
        assert both.standby is not None
        answering = asyncio.create_task(client.post("/v1/embeddings", json=body))
        await until(lambda: len(app.bodies) == 1, "the router has it")
        both.board.write(NOBODY)
        both.router.wire.cut()
        await until(lambda: both.board.waiting == 1, "it is held")
        both.board.write(both.standby.there)
        assert (await answering).status_code == 200
        (record,) = both.standby.node.log.records
        assert json.loads(record.request_body) == body == json.loads(app.bodies[0])
        await until(lambda: app.running == 0, "the dead router's work has ended")


@pytest.mark.parametrize(
    ("method", "path", "again"), [("POST", "/v0/users", False), ("PUT", "/v0/users/1", True)]
)
async def test_what_may_have_been_done_is_not_done_again(
    tmp_path: Path, method: str, path: str, *, again: bool
) -> None:
    app = Script()
    async with two_nodes(tmp_path, standby=True, app=app) as both, both.door.http() as client:
        assert both.standby is not None
        answering = asyncio.create_task(client.request(method, path, json={}))
        await until(lambda: len(app.bodies) == 1, "the router has it")
        both.board.write(both.standby.there)
        both.router.wire.cut()
        answer = await answering
    if again:
        assert answer.json()["error"]["code"] == "insufficient_scope"
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "router_lost")
        assert "not known" in answer.json()["error"]["message"]


async def test_what_was_not_sent_may_be_sent_to_another_one(tmp_path: Path) -> None:
    async with two_nodes(tmp_path, standby=True) as both, both.door.http() as client:
        assert both.standby is not None
        port, both.router.wire.port = both.router.wire.port, 1  # where nothing listens
        answering = asyncio.create_task(client.post("/v0/users", json={}))
        await until(lambda: both.board.waiting == 1, "it is held")
        both.board.write(both.standby.there)
        assert (await answering).json()["error"]["code"] == "insufficient_scope"
        both.router.wire.port = port


async def test_a_router_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    async with two_nodes(tmp_path, hold_s=600.0) as both, both.door.http() as client:
        port, both.router.wire.port = both.router.wire.port, 1
        answering = posted(both, client)
        await until(lambda: both.board.waiting == 1, "it is held")
        both.router.wire.port = port  # nobody has noticed anything
        async with asyncio.timeout(DEADLINE_S):
            assert (await answering).status_code == 200


@pytest.mark.parametrize("path", [PATH, "/v0/users"])
async def test_one_that_is_router_no_longer_sends_it_back(tmp_path: Path, path: str) -> None:
    async with two_nodes(tmp_path, standby=True) as both, both.door.http() as client:
        assert both.standby is not None
        both.router.board.write(NOBODY)
        answering = posted(both, client, path)
        await until(lambda: both.board.waiting == 1, "it is held")
        both.board.write(both.standby.there)
        assert (await answering).status_code == (200 if path == PATH else 403)
        assert not both.router.node.log.records


async def test_a_machine_that_is_gone_without_a_word(tmp_path: Path) -> None:
    app = Script()
    async with two_nodes(tmp_path, standby=True, app=app, idle_s=1.5) as both, both.door.http() as client:
        assert both.standby is not None
        answering = posted(both, client)
        await until(lambda: len(app.bodies) == 1, "the router has it")
        both.router.wire.live.clear()
        both.board.write(both.standby.there)
        assert (await answering).status_code == 200
        assert len(both.standby.node.log.records) == 1


async def test_a_router_that_thinks_for_long_is_not_taken_for_dead(tmp_path: Path) -> None:
    app = Script()
    async with two_nodes(tmp_path, app=app, idle_s=1.5) as both, both.door.http() as client:
        answering = posted(both, client)
        await until(lambda: len(app.bodies) == 1, "the router has it")
        await signs_of_life(both, 2)
        app.go.set()
        app.end.set()
        assert (await answering).status_code == 200
    assert len(app.scopes) == 1


async def test_a_client_that_sends_slowly_is_waited_for(tmp_path: Path) -> None:
    app = ready()
    async with two_nodes(tmp_path, app=app, idle_s=1.5) as both:
        port = int(both.door.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v0/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
        await until(lambda: app.running == 1, "the router knows of it")
        await signs_of_life(both, 2)
        writer.write(b"}")
        await reader.readuntil(b" 200 ")
        writer.close()
        await writer.wait_closed()
    assert app.bodies == [b"{}"]


async def test_a_stream_that_breaks_off_ends_with_an_error(tmp_path: Path) -> None:
    app = Script(headers=[EVENTS], pieces=[b"data: 1\n\nda", b"ta: 2\n\ndata: {", b"}\n\n"])
    app.go.set()
    async with (
        two_nodes(tmp_path, standby=True, app=app) as both,
        both.door.http() as client,
        client.stream("POST", PATH, json=CHAT) as answer,
    ):
        pieces = answer.aiter_text()
        text = await anext(pieces)
        while "data: 2" not in text:
            text += await anext(pieces)
        both.router.wire.cut()
        text += "".join([piece async for piece in pieces])
    *events, error, done, rest = text.split("\n\n")
    assert events == ["data: 1", "data: 2"]
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "router_lost"
    assert (done, rest) == ("data: [DONE]", "")
    assert both.standby is not None and not both.standby.node.log.records


async def test_another_answer_that_breaks_off_is_cut(tmp_path: Path) -> None:
    app = Script(pieces=[b'{"a":', b"1}"])
    app.go.set()
    async with two_nodes(tmp_path, app=app) as both, both.door.http() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            async with client.stream("POST", PATH, json=CHAT) as answer:
                async for _ in answer.aiter_raw():
                    both.router.wire.cut()
        app.end.set()
        assert (await client.post(PATH, json=CHAT)).json() == {"a": 1}


async def test_a_fault_of_this_node_is_an_answer_like_others(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http() as client:
        both.board.write(cast(Any, "nonsense"))
        answer = await client.post(PATH, json=CHAT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
