"""A relayed request inside the router: the application runs as if the client had asked here, its answer becomes frames."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog

from corral.app.front_door.headers import end_to_end
from corral.app.front_door.wire import ALIVE_S, AnswerHead, Kind, frame, head_frame

WAITING_BYTES = 64 * 1024  # of an answer that the member hasn't taken yet; then the application waits
_LEAVE_S = 5.0  # an application whose client has left gets so long to end by itself
_LOG = structlog.get_logger(__name__)

Message = Any  # ASGI's; see hypercorn.typing
Application = Callable[
    [Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class Cut(Exception):
    """The application failed within its answer, which can't be completed."""


class Exchange:
    """Iterate over it once, for the frames of the answer; `aclose` it: that tells the application its client left."""

    def __init__(
        self, *, app: Application, scope: dict[str, Any], first: bytes, body: AsyncIterator[bytes]
    ) -> None:
        """`first` is what came of the body already."""
        self._app = app
        self._scope = scope
        self._first = first
        self._body = body
        self._sent_whole = False
        self._frames: list[bytes] = []
        self._waiting_bytes = 0
        self._head: AnswerHead | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._left = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __aiter__(self) -> "Exchange":
        return self

    async def __anext__(self) -> bytes:
        """The frames that are there, at least one. Raises Cut."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="relayed request")
            self._tick_later()
        while not self._frames:
            if self._ended:
                await self.aclose()
                raise StopAsyncIteration
            if self._task.done():
                await self.aclose()
                raise Cut
            self._news.clear()
            await self._news.wait()
        ready, self._frames = b"".join(self._frames), []
        self._waiting_bytes = 0
        self._room.set()
        return ready

    async def aclose(self) -> None:
        """The application sees that its client has left, if it still runs, and is ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._left.set()
        self._room.set()
        if self._task is None or self._task.done():
            return
        if not self._ended:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=_LEAVE_S)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer can't be completed; the log has it
            _LOG.error("a relayed request failed", path=self._scope["path"], exc_info=error)
        finally:
            self._news.set()

    async def _receive(self) -> Message:
        if not self._sent_whole:
            try:
                piece = self._first or await anext(self._body, b"")
            except Exception:  # noqa: BLE001 - whatever broke the connection: the client is gone with it
                return {"type": "http.disconnect"}
            self._first = b""
            self._sent_whole = not piece
            return {"type": "http.request", "body": piece, "more_body": not self._sent_whole}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            return
        if message["type"] == "http.response.start":
            headers = end_to_end(message.get("headers", ()))
            self._head = AnswerHead(status=message["status"], headers=headers)
        elif message["type"] == "http.response.body":
            await self._send_body(message.get("body", b""), more=message.get("more_body", False))

    async def _send_body(self, piece: bytes, *, more: bool) -> None:
        if self._head is not None:
            self._frames.append(head_frame(self._head))
            self._head = None
        if piece and self._scope["method"] != "HEAD":
            self._frames.append(frame(Kind.BODY, piece))
            self._waiting_bytes += len(piece)
        if not more:
            self._frames.append(frame(Kind.END))
            self._ended = True
        self._news.set()
        if more and self._waiting_bytes > WAITING_BYTES:
            self._room.clear()
            await self._room.wait()

    def _tick_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(ALIVE_S, self._tick)

    def _tick(self) -> None:
        if not self._frames:
            self._frames.append(frame(Kind.ALIVE))
            self._news.set()
        self._tick_later()
