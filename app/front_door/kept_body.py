"""A client's body, read once and kept, so that it can be sent again when the router dies before it answers."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from corral.app.store.errors import DiskFull

MEMORY_BYTES = 1024 * 1024  # what is longer goes to a file
_PIECE_BYTES = 256 * 1024

Message = dict[str, Any]


class KeptBody:
    """Reads what the client sends for as long as `read` runs; any number of readers, each from the beginning.

    Of a body that is longer than `limit_bytes` only so much is kept that whoever gets it sees that it is too long.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Any]],
        *,
        limit_bytes: int,
        declared_bytes: int | None = None,
        folder: Path | None = None,
        bears: Callable[[int], bool] = lambda size_bytes: True,
    ) -> None:
        """`declared_bytes`: its Content-Length. `folder`: for long bodies; None: where the system keeps such files.

        `bears` says whether so many bytes more may be thrown away for this client.
        """
        self._receive = receive
        self._bears = bears
        self._limit_bytes = limit_bytes
        self._folder = folder
        self._skips = declared_bytes is not None and declared_bytes > limit_bytes
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._file: IO[bytes] | None = None
        self._file_bytes = 0  # how much of the body's beginning is in the file
        self._file_use = asyncio.Lock()
        self._read_bytes = 0  # how far the last reader has come
        self._news = asyncio.Event()
        self._complete = self._skips or declared_bytes == 0
        self.received = asyncio.Event()  # the client has sent everything, or more than anybody waits for
        self.failure: DiskFull | None = None  # it could not be kept
        self._left = asyncio.Event()
        if declared_bytes == 0:
            self.received.set()

    @property
    def is_complete(self) -> bool:
        """Whether readers come to its end without waiting."""
        return self._complete

    @property
    def size_bytes(self) -> int:
        """What is kept of it so far."""
        return self._file_bytes + self._tail_bytes

    async def read(self) -> None:
        """Until the client has left. Never raises: see `failure`."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if message["type"] != "http.request":
                continue
            if piece := message.get("body", b""):
                await self._keep(piece)
            if not message.get("more_body", False):
                self._complete = True
                self.received.set()
            self._tell()
        self._left.set()

    async def grown_beyond(self, size_bytes: int) -> None:
        """Return when it is longer than this, or complete."""
        while not self._complete and self.size_bytes <= size_bytes:
            await self._news.wait()

    def whole(self) -> bytes:
        """A complete body that is in memory."""
        assert self._complete and self._file is None
        self._read_bytes = self._tail_bytes
        return b"".join(self._tail)

    async def piece_at(self, at: int) -> bytes:
        """What comes after so many bytes, as soon as there is something; empty at its end. Raises DiskFull."""
        while True:
            if self.failure is not None:
                raise self.failure
            piece = await self._kept_at(at)
            if piece:
                return piece
            if at == self.size_bytes:  # else it moved to the file meanwhile
                if self._complete:
                    return b""
                await self._news.wait()

    async def left(self) -> None:
        """Return when the client has gone."""
        await self._left.wait()

    def skip_rest(self) -> None:
        """There is an answer: what the client still sends is not kept."""
        self._skips = True

    def forget(self) -> None:
        """It won't be sent again. What is in memory is given up, if there is no reader that still wants it."""
        if self._complete and self._read_bytes == self.size_bytes:
            self._tail.clear()

    async def close(self) -> None:
        """Remove its file."""
        if self._file is not None:
            async with self._file_use:
                await asyncio.to_thread(self._file.close)

    async def _keep(self, piece: bytes) -> None:
        if self._skips:
            if not self._bears(len(piece)):
                self.received.set()
            return
        self._tail.append(piece)
        self._tail_bytes += len(piece)
        if self.size_bytes > self._limit_bytes:
            self._skips = self._complete = True
        if self._tail_bytes > MEMORY_BYTES:
            await self._move_to_file()

    async def _move_to_file(self) -> None:
        content = b"".join(self._tail)
        try:
            async with self._file_use:
                if self._file is None:
                    self._file = await asyncio.to_thread(_new_file, self._folder)
                await asyncio.to_thread(_write_at, self._file, self._file_bytes, content)
        except OSError:
            self.failure = DiskFull()
            self._skips = True
            return
        self._file_bytes += len(content)
        self._tail.clear()
        self._tail_bytes = 0

    async def _kept_at(self, at: int) -> bytes:
        """The next piece of what is kept; empty if there is none."""
        if at < self._file_bytes:
            async with self._file_use:
                assert self._file is not None
                size = min(_PIECE_BYTES, self._file_bytes - at)
                piece = await asyncio.to_thread(_read_at, self._file, at, size)
        else:
            piece = b"".join(self._tail)[at - self._file_bytes :] if at < self.size_bytes else b""
        self._read_bytes = at + len(piece)
        return piece

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class BodyReader:
    """One reading of a body, from its beginning: an iterator over its pieces, or an ASGI application's `receive`."""

    def __init__(self, body: KeptBody, *, head: bytes = b"") -> None:
        """`head` comes before it."""
        self._body = body
        self._head = head
        self._at = 0
        self._ended = False

    def __aiter__(self) -> "BodyReader":
        return self

    async def __anext__(self) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        piece = await self._body.piece_at(self._at)
        if not piece:
            raise StopAsyncIteration
        self._at += len(piece)
        return piece

    async def receive(self) -> Message:
        """The body, then that the client leaves."""
        if not self._ended:
            piece = await self._body.piece_at(self._at)
            self._at += len(piece)
            self._ended = not piece
            return {"type": "http.request", "body": piece, "more_body": not self._ended}
        await self._body.left()
        return {"type": "http.disconnect"}

    async def receive_nothing(self) -> Message:
        """For an application that won't look at the body: that the client has sent it, then that it leaves."""
        if not self._ended:
            await self._body.received.wait()
            self._ended = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._body.left()
        return {"type": "http.disconnect"}


def _new_file(folder: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _write_at(file: IO[bytes], at: int, content: bytes) -> None:
    file.seek(at)
    file.write(content)
    file.flush()


def _read_at(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
