"""One connection of a client, as long as it brings plain requests; the first one of another form goes to Hypercorn with it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import structlog

from corral.app.http1.answer_head import answer_head
from corral.app.http1.handler import Handler, HandlerOf
from corral.app.http1.plain_request import PlainHead, PlainRequest, plain_head

# A request is kept until it is whole. Longer ones are read as they come, elsewhere, and so are those that take longer.
MOST_BODY_BYTES: Final = 1024 * 1024
BODY_S: Final = 10.0
_MOST_AHEAD_BYTES: Final = 64 * 1024  # of the next request, while one is answered
_LAST: Final = {"connection": "close"}
_LOG = structlog.get_logger(__name__)

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass(slots=True, kw_only=True)
class Site:
    """What the connections of one server share. `otherwise` serves those that bring something else."""

    handler_of: HandlerOf
    otherwise: Streams
    keep_alive_s: float
    stopping: bool = False  # then each connection ends with the answer that it is at
    connections: "set[Connection]" = field(default_factory=set)


class Connection(asyncio.Protocol):
    """Answers one request after the other."""

    _transport: asyncio.Transport

    def __init__(self, site: Site) -> None:
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._head: PlainHead | None = None  # of the request whose body hasn't all come
        self._body_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = self._loop.time()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None  # while too much waits to be sent
        self._addresses = ("", "")

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What answers a request now."""
        return self._task

    def close(self) -> None:
        """Ends it if nothing is answered now."""
        if self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Ends it whatever goes on."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's only looks like one
        self._addresses = _host(transport, "peername"), _host(transport, "sockname")
        self._site.connections.add(self)
        self._idle_timer = self._loop.call_later(self._site.keep_alive_s, self._look_whether_idle)
        if self._site.stopping:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        self._received += data
        if self._task is None:
            self._next()
        elif len(self._received) > _MOST_AHEAD_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """The client has left, and nobody wants the answer any more."""
        self._leave()
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def _leave(self) -> None:
        self._site.connections.discard(self)
        for timer in (self._idle_timer, self._body_timer):
            if timer is not None:
                timer.cancel()

    def _next(self) -> None:
        """Go on with what has come."""
        received = self._received
        if not received or self._transport.is_closing():
            return
        head = self._head or plain_head(received)
        if head is None or head.body_bytes > MOST_BODY_BYTES:
            self._hand_over()
            return
        handler = self._site.handler_of(head.path)
        if handler is None:
            self._hand_over()
            return
        size_bytes = head.size_bytes + head.body_bytes
        if len(received) < size_bytes:
            if self._head is None:
                self._head = head
                self._body_timer = self._loop.call_later(BODY_S, self._hand_over)
            return
        request = PlainRequest(
            head.path, head.headers, bytes(received[head.size_bytes : size_bytes]), *self._addresses
        )
        del received[:size_bytes]
        self._head = None
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        self._task = self._loop.create_task(self._answer(handler, request))

    async def _answer(self, handler: Handler, request: PlainRequest) -> None:
        answer = _Answer(self._transport, self)
        try:
            await handler(request, answer)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the client must not wait for the rest
            _LOG.error("an answer failed", path=request.path, exc_info=error)
            answer.fail()
        self._task = None
        self._idle_since = self._loop.time()
        if not answer.complete or answer.last or self._site.stopping:
            self._transport.close()
            return
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()
        self._next()

    def _hand_over(self) -> None:
        """Let Hypercorn go on, with all that has come and isn't answered."""
        self._leave()
        self._head = None
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, self._site.otherwise, loop=self._loop)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        reader.feed_data(bytes(self._received))
        self._received.clear()

    def _look_whether_idle(self) -> None:
        keep_alive_s = self._site.keep_alive_s
        is_idle = self._task is None and self._head is None
        left_s = self._idle_since + keep_alive_s - self._loop.time() if is_idle else keep_alive_s
        if left_s > 0:
            self._idle_timer = self._loop.call_later(left_s, self._look_whether_idle)
        else:
            self._transport.close()

    @property
    def stopping(self) -> bool:
        """Whether the answer now is the last one."""
        return self._site.stopping

    async def writable(self) -> None:
        """Wait until the client has taken enough. Does nothing when it has left: then the answer is cancelled."""
        if self._room is not None:
            await self._room


class _Answer:
    """A Sink: one answer as HTTP/1.1."""

    __slots__ = ("_begun", "_chunked", "_connection", "_transport", "complete", "last")

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._begun = False
        self._chunked = False
        self.complete = False
        self.last = False  # the connection ends with it

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._begin(status, {**headers, "content-length": str(len(body))}, body)
        self.complete = True
        await self._connection.writable()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._chunked = "content-length" not in headers
        self._begin(status, {**headers, "transfer-encoding": "chunked"} if self._chunked else headers, b"")

    async def piece(self, data: bytes) -> None:
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            await self._connection.writable()

    async def end(self) -> None:
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        self.complete = True

    def fail(self) -> None:
        """It can't be completed."""
        if self._begun:
            self._transport.abort()
        else:
            self._begin(500, {"content-length": "0", **_LAST}, b"")

    def _begin(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.last = self._connection.stopping
        head = answer_head(status, {**headers, **_LAST} if self.last else headers)
        self._begun = True
        self._transport.write(head + body)


def _host(transport: asyncio.BaseTransport, name: str) -> str:
    found = transport.get_extra_info(name)
    return str(found[0]) if found else ""
