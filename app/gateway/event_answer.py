"""An answer that comes as events: metered, then written as a stream of server-sent events or as one JSON document."""

from collections.abc import AsyncIterator, Callable

import structlog

from corral.app.api.errors import error_body, error_object
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.event_merge import EventMerge
from corral.app.gateway.meter import Meter
from corral.app.openai import sse
from corral.app.openai.translation import DocumentWriter, StreamWriter
from corral.engines.errors import EngineError, InvalidRequest
from corral.engines.events import Done, Event

_LOG = structlog.get_logger(__name__)
_STREAM_HEADERS = {"content-type": sse.CONTENT_TYPE, "cache-control": "no-cache", "x-accel-buffering": "no"}
_JSON_HEADERS = {"content-type": "application/json"}


class EventAnswer:
    """The events of one answer, seen by the meter."""

    def __init__(self, events: EventMerge, meter: Meter) -> None:
        """Nothing is read yet."""
        self.events = events
        self.meter = meter

    async def response(
        self,
        *,
        stream: Callable[[], StreamWriter] | None,
        document: Callable[[], DocumentWriter],
        keep_alive_s: float,
    ) -> GatewayResponse:
        """The whole answer as a document, or a stream whose status is known with the first event, or when that takes
        longer than `keep_alive_s`. Raises EngineError before the first byte."""
        self.events.open()
        try:
            if stream is None:
                data = await _document(self, document())
                return GatewayResponse(status=200, headers=_JSON_HEADERS, body=_once(data))
            first = await self.take(keep_alive_s)
        except BaseException:
            await self.aclose()
            raise
        body = _EventStream(self, stream(), first, keep_alive_s)
        return GatewayResponse(status=200, headers=_STREAM_HEADERS, body=body, streamed=True)

    async def aclose(self) -> None:
        """Cancel the work if it isn't done."""
        try:
            await self.events.aclose()
        finally:
            self.meter.ended()

    async def take(self, timeout_s: float | None = None) -> list[Event]:
        """As EventMerge.take."""
        events = await self.events.take(timeout_s=timeout_s)
        self.meter.see(events)
        return events


class _EventStream:
    """The server-sent events of one answer; what waits goes out as one piece. Errors are the last event."""

    def __init__(
        self, answer: EventAnswer, writer: StreamWriter, first: list[Event], keep_alive_s: float
    ) -> None:
        self._answer = answer
        self._writer = writer
        self._first: list[Event] | None = first
        self._keep_alive_s = keep_alive_s
        self._ended = False

    def __aiter__(self) -> "_EventStream":
        return self

    async def __anext__(self) -> bytes:
        while not self._ended:
            if data := await self._next():
                return data
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Cancel the work if it isn't done."""
        self._ended = True
        await self._answer.aclose()

    async def _next(self) -> bytes:
        try:
            events = await self._take()
        except EngineError as error:
            return self._fail(error)
        except Exception as error:  # noqa: BLE001 - the client must see that the stream ended, whatever it was
            _LOG.error("stream failed", exc_info=error)
            return self._fail(error)
        if not events:
            return sse.KEEP_ALIVE
        self._ended = type(events[-1]) is Done
        write = self._writer.write
        return b"".join([write(event) for event in events])

    def _fail(self, error: Exception) -> bytes:
        self._ended = True
        blame = (
            error.message
            if isinstance(error, EngineError) and not isinstance(error, InvalidRequest)
            else None
        )
        self._answer.meter.failed(str(error_object(error)["code"]), blame)
        return sse.event(error_body(error)) + sse.DONE

    async def _take(self) -> list[Event]:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await self._answer.take(self._keep_alive_s)


async def _document(answer: EventAnswer, writer: DocumentWriter) -> bytes:
    while True:
        for event in await answer.take():
            writer.add(event)
            if type(event) is Done:
                await answer.aclose()
                return writer.document()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
