"""aiohttp servers in a test's own process: how they begin, and an end that leaves no connection open."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

# The loop accepts a connection in one turn, makes its transport in the next and its protocol in the third.
_TURNS_OF_ACCEPTING = 3


class Listening:
    """Answers from `start` to `stop`."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        """`options` are those of `web.AppRunner`."""
        self._runner = web.AppRunner(app, access_log=None, **options)
        self._socket: socket.socket | None = None

    async def start(self, port: int = 0, *, host: str = "127.0.0.1") -> int:
        """Listen; returns the port, a free one if 0 is wanted."""
        await self._runner.setup()
        self._socket = socket.create_server((host, port))
        await web.SockSite(self._runner, self._socket).start()
        return int(self._socket.getsockname()[1])

    async def stop(self) -> None:
        """Refuse new connections and cut the others.

        Those that were accepted just now, as browsers' spare ones may be, become connections first: in Python 3.11 an
        asyncio server that is closed before fails to make them and leaves their sockets open.
        """
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            for _ in range(_TURNS_OF_ACCEPTING):
                await asyncio.sleep(0)
        await self._runner.cleanup()


@asynccontextmanager
async def listening(app: web.Application, *, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """Yields the port on loopback; the rest as for `Listening`."""
    server = Listening(app, **options)
    try:
        yield await server.start(port)
    finally:
        await server.stop()
