"""A TCP cable between two ports on this machine, that can be cut, or hold what is sent without losing it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_PIECE_BYTES = 64 * 1024


class Wire:
    """Carries connections from `port` to another one."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.port = 0
        self.connections = 0  # made since the start
        self.back_bytes = 0  # carried from the far end
        self.live = asyncio.Event()  # cleared: nothing passes, and nobody is told
        self.live.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        """Until the end of the block."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.live.set()
            self.cut()
            if self._tasks:  # they end by themselves: asyncio's streams complain of a cancelled one
                await asyncio.wait(self._tasks)
            await server.wait_closed()

    @property
    def open_connections(self) -> int:
        """Now."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Both ends see their connections reset, as when a process is killed."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._joined(reader, writer)
        except OSError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        self.connections += 1
        self._writers |= {writer, far_writer}
        ways = [
            asyncio.create_task(self._way(reader, far_writer, back=False)),
            asyncio.create_task(self._way(far_reader, writer, back=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE_BYTES):
                await self.live.wait()
                self.back_bytes += len(data) * back
                writer.write(data)
                await writer.drain()
