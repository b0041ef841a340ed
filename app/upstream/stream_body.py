"""The body of a streamed answer of a server elsewhere: its bytes as they come, an error as the last event."""

from corral.app.api.errors import error_body, error_object
from corral.app.gateway.meter import Meter
from corral.app.openai import sse
from corral.app.upstream.errors import UpstreamBroke, UpstreamError, UpstreamTimeout
from corral.app.upstream.refusal import event_failure
from corral.app.upstream.response import UpstreamResponse
from corral.app.upstream.stream_reading import StreamReading
from corral.engines.errors import EngineError, InvalidRequest
from corral.engines.events import Done


class StreamBody:
    """Events of a chat or completion. Closing it closes the connection, which cancels the work there."""

    def __init__(
        self,
        response: UpstreamResponse,
        reading: StreamReading,
        meter: Meter,
        *,
        name: str,
        keep_alive_s: float,
        timeout_s: float,
    ) -> None:
        """`name` is the endpoint's. A stream that has nothing to say for `keep_alive_s` says so in a comment, but after
        `timeout_s` it counts as broken."""
        self._response = response
        self._reading = reading
        self._meter = meter
        self._name = name
        self._keep_alive_s = keep_alive_s
        self._timeout_s = timeout_s
        self._silent_s = 0.0
        self._first: bytes | None = None
        self._said = False
        self._over = False

    async def begin(self) -> None:
        """Wait for the first event, but not longer than for a comment. Raises EngineError if that is an error."""
        self._first = await self._next()

    def __aiter__(self) -> "StreamBody":
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        if first:
            return first
        if self._over:
            await self.aclose()
            raise StopAsyncIteration
        try:
            data = await self._next()
        except EngineError as error:
            data = self._fail(error)
        if data:
            return data
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """The end, or the client has left."""
        self._over = True
        try:
            await self._response.aclose()
        finally:
            self._meter.ended(counted=self._reading.tokens)

    async def _next(self) -> bytes:
        """The next events, a comment, or nothing at the end. Raises EngineError."""
        reading = self._reading
        while True:
            if reading.error is not None:
                raise event_failure(self._name, reading.error)
            try:
                piece = await self._piece()
            except UpstreamError:
                if not reading.ended:
                    raise
                piece = b""  # the answer was over; what broke was only its connection
            if piece is None:
                return sse.KEEP_ALIVE
            data = reading.feed(piece) if piece else reading.rest()
            if not self._said and reading.said:
                self._said = True
                self._meter.first_token()
            if not piece and reading.error is None:
                return data + self._end()
            if data:
                return data

    async def _piece(self) -> bytes | None:
        """What comes next, nothing at the end; None if it takes longer than comments do. Raises UpstreamError."""
        wait_s = min(self._keep_alive_s, self._timeout_s - self._silent_s)
        piece = await self._response.piece_within(wait_s)
        if piece is not None:
            self._silent_s = 0.0
            return piece
        self._silent_s += wait_s
        if self._silent_s < self._timeout_s:
            return None
        await self._response.aclose()
        raise UpstreamTimeout(f"the answer of the endpoint {self._name!r} stopped coming")

    def _end(self) -> bytes:
        """Nothing more comes. Raises UpstreamBroke if something is missing."""
        self._over = True
        reading = self._reading
        if not reading.complete:
            raise UpstreamBroke(f"the endpoint {self._name!r} ended its answer before it was complete")
        else:
            self._meter.counted(reading.usage or Done(prompt_tokens=0, completion_tokens=reading.tokens))
        return b"" if reading.ended else sse.DONE

    def _fail(self, error: EngineError) -> bytes:
        self._over = True
        blame = None if isinstance(error, InvalidRequest) else error.message
        self._meter.failed(str(error_object(error)["code"]), blame)
        return sse.event(error_body(error)) + sse.DONE
