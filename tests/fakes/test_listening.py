"""No connection outlives its server, whenever it comes."""

import asyncio
import socket

import pytest
from aiohttp import web

from tests.fakes.listening import listening

LONGEST_S = 10.0


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_of_so_many_turns(turns: int) -> None:
    async with listening(web.Application()) as port:
        client = socket.create_connection(("127.0.0.1", port))  # the system takes it; the server hasn't yet
        for _ in range(turns):
            await asyncio.sleep(0)
    with client:
        client.setblocking(False)
        try:
            async with asyncio.timeout(LONGEST_S):
                received = await asyncio.get_running_loop().sock_recv(client, 1)
        except ConnectionResetError:
            received = b""
    assert received == b"", "still open"
