"""The router's answer on its way to the client, frame by frame."""

import asyncio
import contextlib

from corral.app.api.connection import LINGER_S
from corral.app.api.errors import last_words_in
from corral.app.api.request_errors import RouterLost
from corral.app.dialects.dialect import Dialect
from corral.app.front_door.event_stream import CompleteEvents, ends_of_events
from corral.app.front_door.headers import end_to_end
from corral.app.front_door.kept_body import KeptBody
from corral.app.front_door.sending import Sending
from corral.app.front_door.wire import BadRelay, FrameReader, Kind, decode_answer_head


class RelayedAnswer:
    """Feed it what comes, and end it. An answer that breaks off is ended as well as its kind allows."""

    def __init__(self, *, sending: Sending, body: KeptBody, dialect: Dialect = Dialect.OPENAI) -> None:
        """`body` is the request's: not needed any longer once the answer has begun."""
        self._dialect = dialect
        self._sending = sending
        self._body = body
        self._frames = FrameReader()
        self._events: CompleteEvents | None = None

    async def feed(self, chunk: bytes) -> None:
        """Pass on what can be. Raises BadRelay."""
        pieces: list[bytes] = []
        ended = False
        for kind, payload in self._frames.feed(chunk):
            if kind == Kind.BODY:
                pieces.append(payload)
            elif kind == Kind.END:
                ended = True
            elif kind == Kind.HEAD:
                await self._start(payload)
        if (pieces or ended) and not self._sending.started:
            raise BadRelay("a relayed answer has no head")
        if pieces:
            await self._send(pieces)
        if ended and not self._sending.finished:
            await self._finish(b"" if self._events is None else self._events.rest())

    async def end(self) -> None:
        """Nothing more comes. A stream of events gets a last one that says so; else the client's connection is cut."""
        if self._events is not None and not self._sending.finished:
            await self._finish(last_words_in(self._dialect, RouterLost(answered=True)))

    async def _start(self, payload: bytes) -> None:
        head = decode_answer_head(payload)
        if self._sending.started or not 200 <= head.status <= 599:
            raise BadRelay("a relayed answer begins twice, or with a status that is none")
        headers = end_to_end(head.headers)
        self._events = None if (ends := ends_of_events(headers)) is None else CompleteEvents(ends)
        self._body.forget()
        await self._sending.start(head.status, headers)

    async def _send(self, pieces: list[bytes]) -> None:
        data = b"".join(pieces) if self._events is None else self._events.feed(pieces)
        if data:
            await self._sending.body(data, more=True)

    async def _finish(self, last: bytes) -> None:
        """A client that still sends gets a moment for it: cutting it off could lose the answer on its way."""
        if last:
            await self._sending.body(last, more=True)
        with contextlib.suppress(TimeoutError):
            if not self._body.received.is_set():
                async with asyncio.timeout(LINGER_S):
                    await self._body.received.wait()
        await self._sending.body(b"", more=False)
