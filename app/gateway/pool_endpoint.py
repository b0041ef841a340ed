"""A model pool as an endpoint: the one of this machine, or a peer's."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Protocol

import structlog

from corral.app.api.errors import error_body, error_object
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.event_merge import EventMerge
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Meter, Meters, Observer
from corral.app.gateway.models import served_model
from corral.app.gateway.standing import Machine, Reported, Standing, nothing_reported, this_machine
from corral.app.openai import sse
from corral.app.openai.translate import TRANSLATIONS
from corral.app.openai.translation import StreamWriter, Translation
from corral.engines.errors import EngineError, InvalidRequest
from corral.engines.events import Done, Event
from corral.engines.model import Lifecycle, ModelStatus
from corral.engines.requests import Request

KEEP_ALIVE_S = 10.0
USUAL_SLOTS = 16  # of a model that isn't loaded yet
_LOG = structlog.get_logger(__name__)
_STREAM_HEADERS = {"content-type": sse.CONTENT_TYPE, "cache-control": "no-cache", "x-accel-buffering": "no"}
_JSON_HEADERS = {"content-type": "application/json"}


class Pool(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def answer(self, name: str, request: Request) -> AsyncGenerator[Event, None]: ...

    def models(self) -> tuple[ModelStatus, ...]: ...

    def find(self, name: str) -> ModelStatus | None: ...


class PoolEndpoint:
    """Endpoint over a model pool."""

    def __init__(
        self,
        *,
        pool: Pool,
        node_name: str | Callable[[], str],
        id: EndpointId | None = None,
        machine: Callable[[], Machine] = this_machine,
        reported: Callable[[str], Reported] = nothing_reported,
        observer: Observer | None = None,
        experience: Experience | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A stream that has nothing to say for `keep_alive_s` says so in a comment.

        `id` is this machine's unless it is given; a name may change. `reported`: what the pool's machine says of
        one of its models.
        """
        self._pool = pool
        self._name = node_name if callable(node_name) else lambda: node_name
        self._id = local_id(self._name()) if id is None else id
        self._machine = machine
        self._reported = reported
        self._keep_alive_s = keep_alive_s
        self._now = now
        self._meters = Meters(
            endpoint=self._id,
            listed_name=self.listed_name,
            observer=observer,
            experience=experience,
            now=now,
            clock=clock,
        )
        self._slots: dict[str, int] = {}  # of models that were loaded once

    @property
    def id(self) -> EndpointId:
        return self._id

    @property
    def name(self) -> str:
        return self._name()

    def models(self) -> Sequence[ServedModel]:
        return [served_model(status) for status in self._pool.models()]

    def listed_name(self, model: str) -> str | None:
        status = self._pool.find(model)
        return None if status is None else status.file.name

    def slots(self, model: str) -> int:
        """As many as the loaded model has sequences; while it isn't loaded as many as it had, else the usual number."""
        status = self._pool.find(model)
        if status is None:
            return USUAL_SLOTS
        if status.loaded is not None:
            self._slots[status.file.name] = status.loaded.max_sequences
        return self._slots.get(status.file.name, USUAL_SLOTS)

    def machine(self) -> Machine:
        return self._machine()

    def standing(self, model: str) -> Standing:
        status = self._pool.find(model)
        if status is None:
            return Standing(machine=self._machine(), loaded=0.0)
        said = self._reported(status.file.name)
        return Standing(
            machine=self._machine(),
            loaded=_loaded(status),
            broken=status.lifecycle is Lifecycle.ERROR,
            size_bytes=status.file.size_bytes,
            active=said.active,
            pace=said.pace,
            prefixes=said.prefixes,
        )

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Raises EngineError before the first byte. A stream's status is known with the first event, or when
        that takes longer than the keep-alive interval."""
        translate = TRANSLATIONS.get(request.path)
        if translate is None:
            raise InvalidRequest(f"models of this machine can't answer {request.path}")
        translation = translate(request.json, int(self._now()))
        status = self._pool.find(request.model)
        meter = self._meters.begin(request, warm=status is not None and status.loaded is not None)
        answer = _Answer(self._open(request.model, translation), meter)
        answer.events.open()
        try:
            if translation.stream is None:
                document = await _document(answer, translation)
                request.trace.node_name = self._name()
                return GatewayResponse(status=200, headers=_JSON_HEADERS, body=_once(document))
            first = await answer.take(self._keep_alive_s)
        except BaseException:
            await answer.aclose()
            raise
        request.trace.events, request.trace.node_name = meter.events, self._name()
        body = _StreamBody(answer, translation.stream(), first, self._keep_alive_s)
        return GatewayResponse(status=200, headers=_STREAM_HEADERS, body=body, streamed=True)

    def _open(self, model: str, translation: Translation) -> EventMerge:
        sources = [self._pool.answer(model, each) for each in translation.requests]
        return EventMerge(sources, choices_each=translation.choices_each)


def local_id(node_name: str) -> EndpointId:
    """The endpoint of this machine."""
    return EndpointId(f"local:{node_name}")


def _loaded(status: ModelStatus) -> float:
    if status.lifecycle is Lifecycle.LOADED:
        return 1.0
    return min(status.progress, 0.99) if status.lifecycle is Lifecycle.LOADING else 0.0


class _Answer:
    """The events of one answer, seen by the meter."""

    def __init__(self, events: EventMerge, meter: Meter) -> None:
        self.events = events
        self.meter = meter

    async def aclose(self) -> None:
        try:
            await self.events.aclose()
        finally:
            self.meter.ended()

    async def take(self, timeout_s: float | None = None) -> list[Event]:
        events = await self.events.take(timeout_s=timeout_s)
        self.meter.see(events)
        return events


class _StreamBody:
    """The server-sent events of one answer; what waits goes out as one piece. Errors are the last event."""

    def __init__(
        self, answer: _Answer, writer: StreamWriter, first: list[Event], keep_alive_s: float
    ) -> None:
        self._answer = answer
        self._writer = writer
        self._first: list[Event] | None = first
        self._keep_alive_s = keep_alive_s
        self._ended = False

    def __aiter__(self) -> "_StreamBody":
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


async def _document(answer: _Answer, translation: Translation) -> bytes:
    writer = translation.document()
    while True:
        for event in await answer.take():
            writer.add(event)
            if type(event) is Done:
                await answer.aclose()
                return writer.document()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
