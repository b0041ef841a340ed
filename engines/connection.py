"""The parent's end of a worker's socket pair, on the event loop."""

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import cast

from corral.engines.frames import FrameError, FrameSplitter, FromWorker, ToWorker, decode_from_worker, encode


class Connection(asyncio.Protocol):
    """Calls `on_message` for each frame and `on_lost` once, when the worker is gone or sent nonsense."""

    def __init__(self, *, on_message: Callable[[FromWorker], None], on_lost: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._splitter = FrameSplitter()
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()  # set while there is no connection
        self.closed.set()

    async def open(self, ours: socket.socket) -> None:
        """Use our end of a socket pair from here on; closes it if that fails."""
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        try:
            if sys.platform == "win32":  # there a socket pair is a loopback TCP connection
                ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.create_connection(lambda: self, sock=ours)
            else:
                await loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            if self._transport is None:
                ours.close()
            raise

    def send(self, message: ToWorker) -> None:
        """Queue a frame; a lost connection swallows it. Raises FrameError if it can't be encoded."""
        frame = encode(message)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class
        self.closed.clear()

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._splitter.feed(data):
                self._on_message(decode_from_worker(payload))
        except FrameError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()
        self.closed.set()
