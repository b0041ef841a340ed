"""Requests between members: what goes there and back, and what each failure is called."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from corral.peers.address import Address
from corral.peers.transport.errors import (
    PeerAnswered,
    PeerAnsweredTooMuch,
    PeerBroke,
    PeerNotTrusted,
    PeerRefused,
    PeerTimeout,
    PeerUnreachable,
)
from tests.engines.waiting import until
from tests.peers.transport.machines import SMALL_BYTES, Machine, Machines, read_on
from tests.peers.transport.rogues import closed_port, deaf_port

LIMIT_S = 10.0


async def test_a_post_reaches_the_handler_with_the_name_of_who_sent_it(alice: Machine, bob: Machine) -> None:
    answer = await alice.client.post(
        bob.node, "/echo?a=%2F", b"hello", timeout_s=LIMIT_S, headers={"X-Term": "7"}
    )

    (request,) = bob.heard.requests
    assert answer == b"hello"
    assert request.peer == alice.node
    assert (request.method, request.path, request.query) == ("POST", "/echo", "a=%2F")
    assert request.headers["x-term"] == "7"


async def test_connections_are_kept(alice: Machine, bob: Machine) -> None:
    for _ in range(5):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)

    assert bob.server.connections == 1


async def test_an_answer_other_than_2xx_is_an_error_with_its_body(alice: Machine, bob: Machine) -> None:
    with pytest.raises(PeerAnswered) as caught:
        await alice.client.post(bob.node, "/refuse", b"", timeout_s=LIMIT_S)

    assert (caught.value.node, caught.value.status, caught.value.body) == (bob.node, 409, b"another term")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/echo", 405), ("GET", "/echo/", 404), ("GET", "/mirro", 404)],
)
async def test_what_has_no_route(alice: Machine, bob: Machine, method: str, path: str, status: int) -> None:
    response = await alice.client.open(bob.node, method, path)

    assert response.status == status
    await response.read(1000)


async def test_a_path_that_ends_in_a_slash_takes_all_below_it_as_it_was_sent(
    alice: Machine, bob: Machine
) -> None:
    response = await alice.client.open(bob.node, "PATCH", "/mirror/v1/a%2Fb/../c?x=%20&y", body=b"text")

    assert (response.status, await response.read(100)) == (201, b"text")
    (request,) = bob.heard.requests
    assert (request.method, request.path, request.query) == ("PATCH", "/mirror/v1/a%2Fb/../c", "x=%20&y")


@pytest.mark.parametrize("path", ["echo", "", "/a b", "/a\r\nX: y", "/é", "http://elsewhere/"])
async def test_a_path_that_cannot_stand_in_a_request_is_the_callers_mistake(
    alice: Machine, bob: Machine, path: str
) -> None:
    with pytest.raises(ValueError, match="not a path"):
        await alice.client.post(bob.node, path, b"", timeout_s=LIMIT_S)


@pytest.mark.parametrize("size", [SMALL_BYTES + 1, 2 * 1024 * 1024])
async def test_a_body_that_is_announced_too_large_gets_413(alice: Machine, bob: Machine, size: int) -> None:
    with pytest.raises(PeerAnswered) as caught:
        await alice.client.post(bob.node, "/echo", b"x" * size, timeout_s=LIMIT_S)

    assert caught.value.status == 413
    assert bob.heard.requests == []  # it wasn't even asked
    assert await alice.client.post(bob.node, "/echo", b"x" * SMALL_BYTES, timeout_s=LIMIT_S)


async def test_a_body_that_turns_out_too_large_gets_413(alice: Machine, bob: Machine) -> None:
    response = await alice.client.open(bob.node, "POST", "/echo", body=pieces(SMALL_BYTES // 100 + 1, 100))

    assert response.status == 413
    await response.read(1000)


async def test_an_answer_that_is_too_long_is_cut(alice: Machine, bob: Machine) -> None:
    with pytest.raises(PeerAnsweredTooMuch):
        await alice.client.post(bob.node, "/echo", b"x" * 100, timeout_s=LIMIT_S, most_bytes=99)
    response = await alice.client.open(bob.node, "GET", "/endless")
    with pytest.raises(PeerAnsweredTooMuch):
        await response.read(100_000)

    await until(lambda: bob.heard.closed_bodies == 1, "the answer is closed")


async def test_a_large_body_goes_there_and_back(alice: Machine, bob: Machine) -> None:
    sent = bytes(range(256)) * 80_000
    response = await alice.client.open(bob.node, "POST", "/mirror/", body=sent)

    assert await response.read(len(sent)) == sent


async def test_both_bodies_stream_at_the_same_time(alice: Machine, bob: Machine) -> None:
    said: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while word := await said.get():
            yield word

    said.put_nowait(b"ping")
    response = await alice.client.open(bob.node, "POST", "/mirror/", body=body())
    chunks = response.chunks()
    assert await anext(chunks) == b"ping"
    said.put_nowait(b"pong")
    assert await anext(chunks) == b"pong"
    said.put_nowait(b"")
    assert [chunk async for chunk in chunks] == []


async def test_a_reader_slows_down_the_answer(alice: Machine, bob: Machine) -> None:
    response = await alice.client.open(bob.node, "GET", "/endless")
    await until_still(lambda: bob.heard.sent_chunks)
    before = bob.heard.sent_chunks

    async for _ in response.chunks():
        if bob.heard.sent_chunks > before:
            break
    await response.aclose()


async def test_a_handler_slows_down_the_request(alice: Machine, bob: Machine) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            yield b"x" * 10_000
            sent += 1

    asking = asyncio.create_task(alice.client.open(bob.node, "POST", "/count", body=body()))
    await bob.heard.begun.wait()
    await until_still(lambda: sent)  # all of it, if nothing slows it down
    assert 0 < sent < 10_000
    bob.release.set()

    assert await (await asking).read(100) == b"100000000"


async def test_closing_an_answer_early_closes_its_body(alice: Machine, bob: Machine) -> None:
    response = await alice.client.open(bob.node, "GET", "/endless")
    async with contextlib.aclosing(response.chunks()) as chunks:
        await anext(chunks)
    await response.aclose()

    await until(lambda: bob.heard.closed_bodies == 1, "the body is closed")
    await until(lambda: not bob.server.connections, "the connection is cut")


async def test_cancelling_a_reader_closes_the_body(alice: Machine, bob: Machine) -> None:
    response = await alice.client.open(bob.node, "POST", "/mirror/", body=silence())
    got: list[bytes] = []

    async def read() -> None:
        async for chunk in response.chunks():
            got.append(chunk)

    reading = asyncio.create_task(read())
    await until(lambda: bool(got), "it reads")
    reading.cancel()
    await asyncio.wait([reading])

    await until(lambda: not bob.server.connections, "the connection is cut")


async def test_who_stops_waiting_cancels_the_handler(alice: Machine, bob: Machine) -> None:
    asking = asyncio.create_task(alice.client.open(bob.node, "POST", "/wait"))
    await bob.heard.begun.wait()
    asking.cancel()
    await asyncio.wait([asking])

    await asyncio.wait_for(bob.heard.cancelled.wait(), LIMIT_S)


async def test_no_answer_in_time(alice: Machine, bob: Machine) -> None:
    with pytest.raises(PeerTimeout, match="no answer within"):
        await alice.client.post(bob.node, "/wait", b"", timeout_s=0.2)
    await asyncio.wait_for(bob.heard.cancelled.wait(), LIMIT_S)
    with pytest.raises(PeerTimeout):
        await alice.client.open(bob.node, "POST", "/wait", idle_timeout_s=0.2)


async def test_an_answer_that_stops_coming(alice: Machine, bob: Machine) -> None:
    never: asyncio.Queue[bytes] = asyncio.Queue()
    never.put_nowait(b"first")

    async def body() -> AsyncIterator[bytes]:
        while True:
            yield await never.get()

    response = await alice.client.open(bob.node, "POST", "/mirror/", body=body(), idle_timeout_s=0.2)
    chunks = response.chunks()
    assert await anext(chunks) == b"first"
    with pytest.raises(PeerTimeout):
        await anext(chunks)


async def test_a_handler_that_fails_says_nothing_of_why_and_keeps_the_connection(
    alice: Machine, bob: Machine
) -> None:
    response = await alice.client.open(bob.node, "GET", "/bug")

    assert response.status == 500
    assert b"secret" not in await response.read(1000)
    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
    assert bob.server.connections == 1


async def test_an_answer_that_fails_midway_never_looks_complete(alice: Machine, bob: Machine) -> None:
    response = await alice.client.open(bob.node, "GET", "/broken")

    with pytest.raises(PeerBroke):
        await response.read(1000)


async def test_a_request_whose_body_nobody_reads(alice: Machine, bob: Machine) -> None:
    for _ in range(3):
        response = await alice.client.open(bob.node, "POST", "/unread", body=pieces(1000, 10_000))
        assert await response.read(100) == b"no need to read it"


async def test_where_nothing_listens(alice: Machine, bob: Machine) -> None:
    await bob.server.stop(0)

    with pytest.raises(PeerRefused, match="nothing listens there"):
        await alice.client.post(bob.node, "/echo", b"", timeout_s=LIMIT_S)


async def test_a_peer_without_address_or_with_one_that_leads_nowhere(alice: Machine, bob: Machine) -> None:
    alice.addresses[bob.node] = []
    with pytest.raises(PeerUnreachable, match="no address of it is known"):
        await alice.client.post(bob.node, "/echo", b"", timeout_s=LIMIT_S)

    with deaf_port() as deaf:
        alice.knows(bob, deaf)
        with pytest.raises(PeerUnreachable, match="doesn't answer") as caught:
            await alice.client.open(bob.node, "POST", "/echo", connect_timeout_s=0.2)
    assert not isinstance(caught.value, PeerRefused)


@pytest.mark.parametrize("host", ["é" * 100, "a" * 300])
async def test_an_address_that_is_none(alice: Machine, bob: Machine, host: str) -> None:
    alice.knows(bob, Address(host, 1), bob.address)

    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"


async def test_an_address_may_be_a_name(alice: Machine, bob: Machine) -> None:
    alice.knows(bob, Address("localhost", bob.address.port))

    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"


async def test_dead_addresses_beside_a_good_one(alice: Machine, bob: Machine, machines: Machines) -> None:
    carol = await machines.start(2)
    with deaf_port() as deaf, closed_port() as closed:
        alice.knows(bob, deaf, closed, carol.address, bob.address)

        assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
        assert bob.heard.requests[0].peer == alice.node
        assert carol.heard.requests == []


async def test_the_address_that_worked_tells_that_the_process_is_gone_whatever_the_others_say(
    alice: Machine, bob: Machine, machines: Machines
) -> None:
    carol = await machines.start(2)
    with deaf_port() as deaf:
        alice.knows(bob, deaf, carol.address, bob.address)
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
        await bob.server.stop(0)

        with pytest.raises(PeerRefused):
            await alice.client.open(bob.node, "POST", "/echo", connect_timeout_s=60)


async def test_a_connection_that_was_kept_but_lost_meanwhile_is_no_error(
    alice: Machine, bob: Machine
) -> None:
    for _ in range(5):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
        await bob.restart_server()

        assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"


async def test_a_peer_that_ends_while_it_answers(alice: Machine, bob: Machine) -> None:
    asking = asyncio.create_task(alice.client.open(bob.node, "POST", "/wait"))
    await bob.heard.begun.wait()
    await bob.server.stop(0)

    with pytest.raises(PeerBroke):
        await asking


async def test_what_is_under_way_may_finish_when_the_server_stops(alice: Machine, bob: Machine) -> None:
    asking = asyncio.create_task(alice.client.post(bob.node, "/wait", b"", timeout_s=LIMIT_S))
    await bob.heard.begun.wait()
    stopping = asyncio.create_task(bob.server.stop(LIMIT_S))
    with pytest.raises(PeerUnreachable):
        while True:
            await alice.client.post(bob.node, "/echo", b"", timeout_s=LIMIT_S)
    bob.release.set()

    assert await asking == b"released"
    await stopping


async def test_closing_the_client_ends_what_is_under_way(alice: Machine, bob: Machine) -> None:
    asking = asyncio.create_task(alice.client.open(bob.node, "POST", "/wait"))
    await bob.heard.begun.wait()
    await alice.client.close()

    with pytest.raises(PeerBroke):
        await asking
    await asyncio.wait_for(bob.heard.cancelled.wait(), LIMIT_S)


async def test_forgetting_a_member_drops_what_is_idle_and_one_that_was_removed_everything(
    alice: Machine, bob: Machine
) -> None:
    response = await alice.client.open(bob.node, "GET", "/endless")
    await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    assert bob.server.connections == 2
    alice.client.forget(bob.node)
    await until(lambda: bob.server.connections == 1, "the idle connection is dropped")

    del alice.members[bob.node]
    alice.client.forget(bob.node)
    await until(lambda: not bob.server.connections, "all are cut")
    with pytest.raises(PeerBroke):
        await read_on(response)
    with pytest.raises(PeerNotTrusted, match="isn't a member"):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)


async def test_many_at_once(alice: Machine, bob: Machine) -> None:
    answers = await asyncio.gather(
        *(alice.client.post(bob.node, "/echo", b"%d" % number, timeout_s=60) for number in range(100))
    )

    assert answers == [b"%d" % number for number in range(100)]


async def until_still(count: Callable[[], int]) -> None:
    """Return when a count hasn't grown for a while."""
    seen: list[int] = []

    def is_still() -> bool:
        seen.append(count())
        return len(seen) > 20 and seen[-20] == seen[-1] > 0

    await until(is_still, "it is slowed down")


async def silence() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.Event().wait()


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size
