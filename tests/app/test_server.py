"""The HTTP server: free ports, taken ports, and an orderly end."""

import asyncio
import gc
import socket
from pathlib import Path

import pytest

from corral.app.server import Server, ServerError
from tests.app.api.serving import serving
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until

CHAT = {"model": "parrot", "messages": [{"role": "user", "content": "word " * 8}], "stream": True}


async def test_a_taken_port_is_said_to_be_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        port = int(node.url.rpartition(":")[2])
        second = Server(app=node.app, host="127.0.0.1", port=port)
        with pytest.raises(ServerError, match=str(port)):
            await second.start()
        await second.stop()


async def test_an_answer_in_flight_is_finished(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    async with serving(tmp_path) as node:
        server = Server(app=node.app, host="127.0.0.1", port=0, grace_s=10.0)
        await server.start()
        node.url = f"http://127.0.0.1:{server.port}"
        async with node.http() as client:
            request = asyncio.create_task(client.post("/v1/chat/completions", json=CHAT))
            await until(lambda: node.app.active._value.get() == 1, "the request has come")
            await server.stop()
            answer = await request
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_an_answer_that_takes_too_long_is_cut(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=1)
    async with serving(tmp_path) as node:
        server = Server(app=node.app, host="127.0.0.1", port=0, grace_s=0.1)
        await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        await until(lambda: node.app.active._value.get() == 1, "the request has come")
        await server.stop()
        assert node.app.active._value.get() == 0
        writer.close()
        await writer.wait_closed()


async def test_pieces_of_answers_never_wait_for_more(tmp_path: Path) -> None:
    """Every connection has TCP_NODELAY, whatever loop serves it."""
    write_echo(tmp_path)
    async with serving(tmp_path) as node:
        _, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rpartition(":")[2]))
        ours = writer.get_extra_info("sockname")

        def accepted() -> list[socket.socket]:
            found = [
                each for each in gc.get_objects() if isinstance(each, socket.socket) and each.fileno() != -1
            ]
            return [each for each in found if each.type == socket.SOCK_STREAM and _peer(each) == ours]

        await until(lambda: bool(accepted()), "the connection was accepted")
        assert accepted()[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        await writer.wait_closed()


def _peer(connection: socket.socket) -> object:
    try:
        return connection.getpeername()
    except OSError:
        return None
