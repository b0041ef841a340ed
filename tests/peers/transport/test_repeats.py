"""What is sent once more when a connection ends without an answer, and what isn't."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from corral.peers.address import Address
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.transport import tls
from corral.peers.transport.errors import PeerBroke, PeerNotTrusted, PeerUnreachable
from tests.peers.transport.machines import Machine

LIMIT_S = 10.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Fickle:
    """A member that answers each request with the next of its answers, and then ends the connection."""

    def __init__(self, node: NodeId) -> None:
        self.node = node
        self.greeting = tls.GREETING
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(self.greeting)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answers.pop(0))
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def fickle(alice: Machine, identities: list[Identity]) -> AsyncIterator[Fickle]:
    """The fourth identity."""
    identity = identities[3]
    peer = Fickle(identity.node)
    context = await asyncio.to_thread(tls.server_context, identity, [alice.identity.certificate])
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    alice.addresses[identity.node] = [Address("127.0.0.1", server.sockets[0].getsockname()[1])]
    async with server:
        yield peer


async def test_a_post_is_repeated_once(alice: Machine, fickle: Fickle) -> None:
    fickle.answers += [b"", ANSWER]
    assert await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S) == b"ok"

    fickle.answers += [b"", b"", ANSWER]
    with pytest.raises(PeerBroke, match="before it answered"):
        await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S)
    assert len(fickle.requests) == 4


async def test_one_that_must_not_be_handled_twice_is_not(alice: Machine, fickle: Fickle) -> None:
    fickle.answers += [b"", ANSWER]

    with pytest.raises(PeerBroke):
        await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S, repeatable=False)
    assert len(fickle.requests) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_nothing_else_is_repeated(alice: Machine, fickle: Fickle, method: str) -> None:
    fickle.answers += [b"", ANSWER]

    with pytest.raises(PeerBroke):
        await alice.client.open(fickle.node, method, "/x")
    assert len(fickle.requests) == 1


async def test_a_link_is_opened_once(alice: Machine, fickle: Fickle) -> None:
    fickle.answers += [b"", ANSWER]

    with pytest.raises(PeerBroke):
        await alice.client.link(fickle.node, "/link")
    assert len(fickle.requests) == 1


async def test_half_an_answer_means_that_it_was_handled(alice: Machine, fickle: Fickle) -> None:
    fickle.answers += [ANSWER[:-1], ANSWER]

    with pytest.raises(PeerBroke, match="in the middle of its answer"):
        await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S)
    assert len(fickle.requests) == 1


@pytest.mark.parametrize(
    "nonsense", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"\0" * 1000]
)
async def test_an_answer_that_is_no_http(alice: Machine, fickle: Fickle, nonsense: bytes) -> None:
    fickle.answers += [nonsense, nonsense]

    with pytest.raises(PeerBroke):
        await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S)


@pytest.mark.parametrize(
    "greeting", [b"corral 2\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", tls.GREETING + b"x", b"\0" * 100_000]
)
async def test_another_greeting(alice: Machine, fickle: Fickle, greeting: bytes) -> None:
    fickle.greeting = greeting

    with pytest.raises(PeerNotTrusted, match="another version"):
        await alice.client.post(fickle.node, "/x", b"", timeout_s=LIMIT_S)
    assert fickle.requests == []


async def test_a_greeting_in_pieces(alice: Machine, fickle: Fickle) -> None:
    fickle.greeting = tls.GREETING[:3]

    with pytest.raises(PeerUnreachable, match="doesn't answer"):
        await alice.client.open(fickle.node, "GET", "/x", connect_timeout_s=0.2)
    assert fickle.requests == []
