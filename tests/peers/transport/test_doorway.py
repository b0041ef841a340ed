"""What comes to the peer port and isn't a member: dropped, bounded, and told about once a minute."""

import asyncio
import contextlib
import os

import pytest
from structlog.testing import capture_logs

from corral.peers.identity.identity import Identity
from corral.peers.transport import doorway, tls
from corral.peers.transport.listening import listen
from tests.peers.transport.machines import Machine

LIMIT_S = 10.0
HELLO = bytes.fromhex("16030100f8010000f40303")  # how a TLS ClientHello begins


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        b"\0" * 100_000,
        os.urandom(100_000),
        HELLO + os.urandom(1000),
        b"SSH-2.0-x\r\n",
    ],
    ids=["http", "post", "zeros", "noise", "hello and noise", "ssh"],
)
async def test_what_is_no_tls_is_dropped(alice: Machine, bob: Machine, said: bytes) -> None:
    with capture_logs() as logged:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", bob.server.port)
            writer.write(said)
            with contextlib.suppress(OSError):
                await asyncio.wait_for(reader.read(), LIMIT_S)  # until it is cut
            writer.transport.abort()

    assert [entry["address"] for entry in logged] == ["127.0.0.1"]
    assert bob.heard.requests == []
    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"


async def test_half_a_handshake_keeps_nobody_out_and_ends(alice: Machine, bob: Machine) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", bob.server.port) for _ in range(20)]
    for _, writer in silent[:10]:
        writer.write(HELLO)

    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
    for reader, writer in silent:
        with contextlib.suppress(OSError):
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""  # cut
        writer.transport.abort()


async def test_one_address_cannot_hold_more_than_its_share(bob: Machine) -> None:
    with capture_logs() as logged:
        opened = [
            await asyncio.open_connection("127.0.0.1", bob.server.port)
            for _ in range(doorway.MOST_OF_ADDRESS + 5)
        ]
        for reader, _ in opened[doorway.MOST_OF_ADDRESS :]:
            with contextlib.suppress(OSError):
                assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""
        for _, writer in opened:
            writer.transport.abort()

    assert logged[0]["reason"] == "too many unfinished connections"


async def test_stopping_ends_handshakes_that_are_under_way(bob: Machine) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", bob.server.port) for _ in range(10)]
    await bob.server.stop(LIMIT_S)

    for reader, writer in opened:
        with contextlib.suppress(OSError):
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""
        writer.transport.abort()


async def test_when_there_are_too_many_in_all_the_oldest_makes_room(identities: list[Identity]) -> None:
    context = await asyncio.to_thread(tls.server_context, identities[0], [])
    (listening,) = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    door = doorway.Doorway(protocol=asyncio.Protocol, context=lambda: context, most_in_all=2)
    door.open([listening])

    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    for reader, _ in opened[:3]:
        with contextlib.suppress(OSError):
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""
    assert not any(reader.at_eof() for reader, _ in opened[3:])
    await door.close()
    for _, writer in opened:
        writer.transport.abort()
