"""A peer's pool over the real peer port: events in order, errors as they are here, cancels, peers that die."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from corral.app.gateway.endpoint import GatewayRequest
from corral.app.serving.errors import PeerFailed, StaleRouter
from corral.app.serving.peer_endpoints import Peer as HeardPeer
from corral.engines.errors import (
    ContextLengthExceeded,
    EngineError,
    InvalidRequest,
    ModelNotFound,
    QueueFull,
    WorkerCrashed,
)
from corral.engines.events import Done, Event, Finished, Started, TextDelta, ToolCallDelta
from corral.engines.requests import ChatRequest, Message
from tests.app.gateway.scripted import ANSWER, MODEL, ScriptedPool, Step, chat
from tests.app.serving.machines import Lan, lan
from tests.engines.waiting import until

REQUEST = ChatRequest(messages=(Message(role="user", content="hi"),))


def only(there: Lan) -> HeardPeer:
    (peer,) = there.router.peers.peers()
    return peer


async def all_of(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


async def test_events_arrive_as_they_were(tmp_path: Path) -> None:
    said: list[Event] = [
        Started(prompt_tokens=3, cached_tokens=1),
        TextDelta(index=1, text="hé", reasoning=True),
        ToolCallDelta(index=0, call=0, id="c", name="f", arguments='{"a":'),
        Finished(index=0, reason="tool_calls"),
        Done(prompt_tokens=3, completion_tokens=9, cached_tokens=1, reasoning_tokens=2),
    ]
    pool = ScriptedPool(said)
    async with lan(tmp_path, pool) as there:
        assert await all_of(only(there).pool.answer(MODEL, REQUEST)) == said
        assert (pool.asked, pool.closed) == ([REQUEST], 1)


async def test_a_connection_is_used_again(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool()) as there:
        for _ in range(3):
            await all_of(only(there).pool.answer(MODEL, REQUEST))
        port = there.peers[0].server.port
        to_peer = [each for each in psutil.Process().net_connections("tcp") if each.raddr[1:] == (port,)]
        assert len(to_peer) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ContextLengthExceeded("too long", param="messages"), ContextLengthExceeded),
        (ModelNotFound("no such model"), ModelNotFound),
        (QueueFull("try again"), QueueFull),
        (WorkerCrashed("gone"), WorkerCrashed),
    ],
)
@pytest.mark.parametrize("before", [0, 2])
async def test_errors_are_the_same_as_here(
    tmp_path: Path, error: EngineError, kind: type[EngineError], before: int
) -> None:
    async with lan(tmp_path, ScriptedPool([*ANSWER[:before], error])) as there:
        got: list[Event] = []
        with pytest.raises(kind) as caught:
            async for event in only(there).pool.answer(MODEL, REQUEST):
                got.append(event)
        assert (caught.value.message, caught.value.param) == (error.message, error.param)
        assert got == list(ANSWER[:before])


async def test_closing_the_generator_cancels_there(tmp_path: Path) -> None:
    pool = ScriptedPool([*ANSWER[:2], asyncio.Event()])
    async with lan(tmp_path, pool) as there:
        events = only(there).pool.answer(MODEL, REQUEST)
        assert await anext(events) == ANSWER[0]
        await events.aclose()
        await until(lambda: pool.closed == 1, "the peer's work is cancelled")


async def test_leaving_before_the_first_event_cancels_there(tmp_path: Path) -> None:
    pool = ScriptedPool([asyncio.Event()])
    async with lan(tmp_path, pool) as there:
        task = asyncio.create_task(all_of(only(there).pool.answer(MODEL, REQUEST)))
        await until(lambda: bool(pool.asked), "the peer is asked")
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: pool.closed == 1, "the peer's work is cancelled")


async def test_silence_is_filled_so_that_only_the_dead_are_given_up(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([gate, *ANSWER])
    async with lan(tmp_path, pool, keep_alive_s=0.05, idle_timeout_s=1.0) as there:
        task = asyncio.create_task(all_of(only(there).pool.answer(MODEL, REQUEST)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await until(lambda: loop.time() > began + 1.5, "longer than the idle timeout")
        gate.set()
        assert await task == list(ANSWER)


async def test_a_peer_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    pool = ScriptedPool([ANSWER[0], asyncio.Event()])
    async with lan(tmp_path, pool, keep_alive_s=60.0, idle_timeout_s=0.2) as there:
        with pytest.raises(PeerFailed, match="peer0"):
            await all_of(only(there).pool.answer(MODEL, REQUEST))


async def test_a_peer_that_nobody_can_reach(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool()) as there:
        await there.peers[0].die()
        with pytest.raises(PeerFailed, match="can't be reached"):
            await all_of(only(there).pool.answer(MODEL, REQUEST))


async def test_a_peer_that_dies_in_the_middle(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool([*ANSWER[:2], asyncio.Event()])) as there:
        events = only(there).pool.answer(MODEL, REQUEST)
        assert await anext(events) == ANSWER[0]
        await there.peers[0].die()
        with pytest.raises(PeerFailed, match="failed while it answered"):
            await all_of(events)


async def test_a_peer_that_is_lost_fails_what_has_not_begun(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([gate, *ANSWER])
    async with lan(tmp_path, pool) as there:
        task = asyncio.create_task(all_of(only(there).pool.answer(MODEL, REQUEST)))
        await until(lambda: bool(pool.asked), "the peer is asked")
        there.router.peers.set_live([])
        with pytest.raises(PeerFailed, match="not there any more"):
            await task
        await until(lambda: pool.closed == 1, "the peer's work is cancelled")


async def test_a_peer_that_is_lost_goes_on_with_what_has_begun(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with lan(tmp_path, ScriptedPool([*ANSWER[:2], gate, *ANSWER[2:]])) as there:
        events = only(there).pool.answer(MODEL, REQUEST)
        got = [await anext(events)]
        there.router.peers.set_live([])
        gate.set()
        assert [*got, *await all_of(events)] == list(ANSWER)


async def test_a_stale_router_is_refused(tmp_path: Path) -> None:
    pool = ScriptedPool()
    async with lan(tmp_path, pool) as there:
        there.router.claim = "6.OLD"
        with pytest.raises(StaleRouter):
            await all_of(only(there).pool.answer(MODEL, REQUEST))
        assert pool.asked == []


async def test_a_request_that_cannot_be_sent(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool()) as there:
        large = ChatRequest(messages=REQUEST.messages, template_variables={"n": 2**70})
        with pytest.raises(InvalidRequest, match="64 bits"):
            await all_of(only(there).pool.answer(MODEL, large))


async def test_garbage_is_refused(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool()) as there:
        response = await there.router.client.open(
            there.peers[0].node, "POST", "/peer/infer", headers={"x-corral-claim": "7.ROUTER"}, body=b"\xc1"
        )
        assert (response.status, b"update Corral" in await response.read(10_000)) == (400, True)


def stream_of(model: str = MODEL) -> GatewayRequest:
    return chat(stream=True, model=model)


async def test_the_next_one_answers_if_a_peer_dies_before_the_first_byte(tmp_path: Path) -> None:
    dying, living = ScriptedPool([asyncio.Event()]), ScriptedPool()
    async with lan(tmp_path, dying, living) as there:
        asking = asyncio.create_task(there.router.gateway.forward(stream_of()))
        await until(lambda: bool(dying.asked or living.asked), "somebody is asked")
        if not dying.asked:  # equals take turns: the other one is next
            await read((await asking).body)
            asking = asyncio.create_task(there.router.gateway.forward(stream_of()))
            await until(lambda: bool(dying.asked), "the other one is asked")
        await there.peers[0].die()
        answer = await asking
        assert answer.headers["x-corral-node"] == "peer1"
        assert (await read(answer.body)).endswith(b"data: [DONE]\n\n")
        assert there.router.admission.running == 0


async def test_a_peer_that_dies_later_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    async with lan(tmp_path, ScriptedPool([*ANSWER[:2], asyncio.Event()])) as there:
        answer = await there.router.gateway.forward(stream_of())
        pieces = aiter(answer.body)
        await anext(pieces)
        await there.peers[0].die()
        *_, error, done, _end = (await read(pieces)).split(b"\n\n")
        said = json.loads(error.removeprefix(b"data: "))["error"]
        assert (said["type"], said["code"], done) == ("upstream_error", "endpoint_failed", b"data: [DONE]")
        failure = there.router.peers.runtimes()[0]
        assert "can't be reached" in failure["last_error"]  # it was asked to go on itself


async def test_all_fail(tmp_path: Path) -> None:
    script: list[Step] = []
    async with lan(tmp_path, *(ScriptedPool(script) for _ in range(2))) as there:
        for peer in there.peers:
            await peer.die()
        with pytest.raises(PeerFailed):
            await there.router.gateway.forward(stream_of())


async def test_a_draining_peer_gets_nothing(tmp_path: Path) -> None:
    pools = [ScriptedPool(), ScriptedPool()]
    async with lan(tmp_path, *pools) as there:
        there.peers[0].draining = True
        there.beat()
        for _ in range(3):
            await read((await there.router.gateway.forward(stream_of())).body)
        assert [len(pool.asked) for pool in pools] == [0, 3]
