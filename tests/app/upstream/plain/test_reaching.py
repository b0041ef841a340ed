"""Servers that can't be reached, and why; servers with several addresses."""

import asyncio
import errno
import socket

import aiohappyeyeballs
import pytest

from corral.app.upstream import exchange, plain_client
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import UpstreamBroke, UpstreamUnreachable
from tests.app.upstream.plain.raw_server import always, ok, raw_server


async def test_nobody_listens(client: UpstreamClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UpstreamUnreachable, match="can't be reached: connection refused"):
            await client.open(url, "GET", "/")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no"), "its name isn't known"),
        (UnicodeError("label too long"), "its name isn't known"),
        (OSError(errno.EHOSTUNREACH, "no"), "no route to host"),
        (TimeoutError(), "it doesn't answer"),
        (OSError("several"), "no connection"),
    ],
)
async def test_why_a_server_can_not_be_reached(
    client: UpstreamClient, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    async def start_connection(*_: object, **__: object) -> socket.socket:
        raise error

    monkeypatch.setattr(aiohappyeyeballs, "start_connection", start_connection)
    with pytest.raises(UpstreamUnreachable, match=f"can't be reached: {words}"):
        await client.open("http://127.0.0.1:9", "GET", "/")


async def test_a_name_that_has_several_addresses(
    client: UpstreamClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of them is dead: the next one is tried meanwhile."""
    async with raw_server(always(ok(b"yes"))) as server:
        found = [
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, server.port))
            for family, host in ((socket.AF_INET, "127.9.9.9"), (socket.AF_INET, "127.0.0.1"))
        ]

        async def addresses(_place: object) -> object:
            return found

        monkeypatch.setattr(plain_client, "_addresses", addresses)
        response = await client.open(f"http://several.example:{server.port}", "GET", "/")
        assert await response.read(100) == b"yes"
        assert f"host: several.example:{server.port}".encode() in server.talks[0].requests[0]


async def test_a_connection_that_is_lost_as_soon_as_it_is_made(
    client: UpstreamClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exchange.UpstreamConnection.connection_made

    def made_and_lost(connection: exchange.UpstreamConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connection.abort()
        connection.connection_lost(None)

    monkeypatch.setattr(exchange.UpstreamConnection, "connection_made", made_and_lost)
    async with raw_server(always(ok(b"yes"))) as server:
        with pytest.raises(UpstreamBroke, match="before it answered"):
            await client.open(server.url, "GET", "/")
