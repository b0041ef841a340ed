"""Everything that a server's sockets bring: plain requests answered at once, the rest by Hypercorn, and an orderly end of both."""

import asyncio
import socket
from collections.abc import Sequence

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from corral.app.http1.connection import Connection, Site
from corral.app.http1.handler import HandlerOf

_LAST_S = 1.0  # what was cut off gets so long to clean up


class Listener:
    """Used once: `start`, then `stop`."""

    def __init__(self, *, app: ASGIFramework, handler_of: HandlerOf, config: Config) -> None:
        """`config` is Hypercorn's; of it hold for both ways `keep_alive_timeout` and `graceful_timeout`."""
        self._app = ASGIWrapper(app)
        self._config = config
        self._context = WorkerContext(None)
        self._site = Site(
            handler_of=handler_of, otherwise=self._serve, keep_alive_s=config.keep_alive_timeout
        )
        self._others: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._lifespan: Lifespan | None = None
        self._lifespan_task: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Let the app start, then accept connections. The sockets listen already."""
        loop = asyncio.get_running_loop()
        self._lifespan = Lifespan(self._app, self._config, loop, {})
        self._lifespan_task = loop.create_task(self._lifespan.handle_lifespan())
        await self._lifespan.wait_for_startup()
        if self._lifespan_task.done():
            self._lifespan_task.result()
        for each in sockets:
            self._servers.append(
                await loop.create_server(
                    lambda: Connection(self._site), sock=each, backlog=self._config.backlog
                )
            )

    async def stop(self) -> None:
        """Accept nothing more, let answers in flight finish, cut what takes too long."""
        for server in self._servers:
            server.close()
        self._site.stopping = True
        await self._context.terminated.set()
        for connection in list(self._site.connections):
            connection.close()
        if under_way := self._under_way():
            await asyncio.wait(under_way, timeout=self._config.graceful_timeout)
        for connection in list(self._site.connections):
            connection.abort()
        if left := self._under_way():
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=_LAST_S)
        await self._end_lifespan()

    def _under_way(self) -> set[asyncio.Task[None]]:
        plain = {connection.task for connection in self._site.connections if connection.task is not None}
        return plain | self._others

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection that is Hypercorn's from now on."""
        task = asyncio.current_task()
        assert task is not None
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        loop = asyncio.get_running_loop()
        await TCPServer(self._app, loop, self._config, self._context, {}, reader, writer)

    async def _end_lifespan(self) -> None:
        assert self._lifespan is not None and self._lifespan_task is not None, "start it first"
        await self._lifespan.wait_for_shutdown()
        self._lifespan_task.cancel()
        await asyncio.wait([self._lifespan_task])
