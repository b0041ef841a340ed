"""A server elsewhere as an endpoint: requests go there as they came, answers come back as they are."""

import time
from collections.abc import AsyncIterator, Callable, Sequence

import orjson

from corral.app.gateway.ability import is_able
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Meter, Meters, Observer
from corral.app.gateway.standing import Machine, Standing
from corral.app.openai import sse
from corral.app.openai.token_count import COUNT_PATH
from corral.app.upstream.client import Asking
from corral.app.upstream.errors import NotOffered
from corral.app.upstream.outgoing import STREAMED, Outgoing, outgoing
from corral.app.upstream.raw_body import RawBody
from corral.app.upstream.refusal import MOST_BYTES, event_failure, failure, refused
from corral.app.upstream.response import UpstreamResponse
from corral.app.upstream.server import Server
from corral.app.upstream.stream_body import StreamBody
from corral.app.upstream.stream_reading import MODEL_FIELD, StreamReading
from corral.app.upstream.usage import read_chunk

KEEP_ALIVE_S = 10.0
MOST_DOCUMENT_BYTES = 128 * 1024 * 1024
_STREAM_HEADERS = {"content-type": sse.CONTENT_TYPE, "cache-control": "no-cache", "x-accel-buffering": "no"}
_JSON_HEADERS = {"content-type": "application/json"}
_DESCRIBING = ("content-type", "content-length", "content-disposition")
_OTHER_PATHS = {"/v1/rerank": "/rerank"}
_ELSEWHERE = Machine()


def some_machine() -> Machine:
    """One of which nothing is known."""
    return _ELSEWHERE


class ServerEndpoint:
    """Endpoint over a server that speaks OpenAI's routes."""

    def __init__(
        self,
        *,
        server: Callable[[], Server],
        models: Callable[[], Sequence[ServedModel]],
        name_there: Callable[[str], str | None],
        client: Asking,
        machine: Callable[[], Machine] = some_machine,
        observer: Observer | None = None,
        experience: Experience | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """All are asked anew for each request. `models` gives the same object as long as nothing changed.

        `name_there` says what a client's name for a model is called at the server; None: it isn't there.
        """
        self._server = server
        self._models = models
        self._name_there = name_there
        self._client = client
        self._machine = machine
        self._keep_alive_s = keep_alive_s
        self._listed = _Listed((), name_there)
        self._meters = Meters(
            endpoint=server().id,
            listed_name=self.listed_name,
            observer=observer,
            experience=experience,
            now=now,
            clock=clock,
        )

    @property
    def id(self) -> EndpointId:
        return self._meters.endpoint

    @property
    def name(self) -> str:
        return self._server().name

    def models(self) -> Sequence[ServedModel]:
        return self._models()

    def listed_name(self, model: str) -> str | None:
        found = self._found(model)
        return None if found is None else found.id

    def answers(self, path: str, model: str) -> bool:
        found = self._found(model)
        return path != COUNT_PATH and (found is None or is_able(found.capabilities, path))

    def slots(self, model: str) -> int:
        return self._server().usual_slots

    def machine(self) -> Machine:
        return self._machine()

    def standing(self, model: str) -> Standing:
        found = self._found(model)
        if found is None:
            return Standing(machine=self._machine(), loaded=0.0)
        return Standing(
            machine=self._machine(), loaded=1.0 if found.ready else 0.0, size_bytes=found.size_bytes
        )

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Raises EngineError before the first byte; a stream's status is known with its first event."""
        server, there = self._server(), self._name_there(request.model)
        if there is None:
            raise NotOffered(f"the endpoint {server.name!r} doesn't have this model any more", param="model")
        found = self._found(request.model)
        meter = self._meters.begin(request, warm=found is None or found.ready)
        try:
            response = await self._asked(server, request, there, meter)
        except BaseException:
            meter.ended()
            raise
        request.trace.node_name = server.name
        return response

    async def _asked(
        self, server: Server, request: GatewayRequest, there: str, meter: Meter
    ) -> GatewayResponse:
        sent = outgoing(request, there)
        answer = await self._opened(server, request, sent)
        try:
            if answer.status != 200:
                return await self._refused(server, request, answer, meter)
            kind = answer.headers.get("content-type", "")
            if kind.startswith("text/event-stream") and request.path in STREAMED:
                reading = StreamReading(drop_usage=sent.asked_usage, model=request.asked_model)
                return await self._stream(server, answer, reading, meter)
            if not kind.startswith("application/json"):
                return await _raw(answer, meter)
            data = await answer.read(MOST_DOCUMENT_BYTES)
        except BaseException:
            await answer.aclose()
            raise
        if (done := read_chunk(data).done) is not None:
            meter.counted(done)
        meter.ended()
        return GatewayResponse(
            status=200, headers=_JSON_HEADERS, body=_once(_renamed(data, orjson.dumps(request.asked_model)))
        )

    async def _opened(self, server: Server, request: GatewayRequest, sent: Outgoing) -> UpstreamResponse:
        """Some servers have a route without `/v1` only."""
        answer = await self._client.open(
            server, request.method, request.path, headers=sent.headers, body=sent.body
        )
        other = _OTHER_PATHS.get(request.path)
        if other is None or answer.status not in (404, 405):
            return answer
        await answer.aclose()
        return await self._client.open(server, request.method, other, headers=sent.headers, body=sent.body)

    async def _stream(
        self, server: Server, answer: UpstreamResponse, reading: StreamReading, meter: Meter
    ) -> GatewayResponse:
        body = StreamBody(
            answer,
            reading,
            meter,
            name=server.name,
            keep_alive_s=self._keep_alive_s,
            timeout_s=server.timeout_s,
        )
        await body.begin()
        if reading.error is not None:
            raise event_failure(server.name, reading.error)
        return GatewayResponse(status=200, headers=_STREAM_HEADERS, body=body, streamed=True)

    async def _refused(
        self, server: Server, request: GatewayRequest, answer: UpstreamResponse, meter: Meter
    ) -> GatewayResponse:
        """Raises EngineError unless the request itself is wrong."""
        body = await answer.read(MOST_BYTES)
        error = failure(server.name, answer.status, answer.headers, body)
        if error is not None:
            raise error
        meter.ended()
        told = refused(answer.status, body)
        request.trace.error_code = told["code"]
        return GatewayResponse(
            status=answer.status, headers=_JSON_HEADERS, body=_once(orjson.dumps({"error": told}))
        )

    def _found(self, model: str) -> ServedModel | None:
        models = self._models()
        if self._listed.models is not models:
            self._listed = _Listed(models, self._name_there)
        return self._listed.find(model)


async def _raw(answer: UpstreamResponse, meter: Meter) -> GatewayResponse:
    body = RawBody(answer, meter)
    await body.begin()
    headers = {name: value for name in _DESCRIBING if (value := answer.headers.get(name)) is not None}
    headers.setdefault("content-type", "application/octet-stream")
    return GatewayResponse(status=200, headers=headers, body=body, streamed=True)


class _Listed:
    """The models of one list, by any name that clients write."""

    def __init__(self, models: Sequence[ServedModel], name_there: Callable[[str], str | None]) -> None:
        self.models = models
        self._name_there = name_there
        self._by_id = {each.id.lower(): each for each in models}
        self._by_name_there = {name_there(each.id): each for each in models}

    def find(self, model: str) -> ServedModel | None:
        found = self._by_id.get(model.strip().lower())
        if found is None and (there := self._name_there(model)) is not None:
            found = self._by_name_there.get(there)
        return found


def _renamed(data: bytes, model: bytes) -> bytes:
    """An answer that calls the model as its client does."""
    found = MODEL_FIELD.search(data)
    if found is None or found[1] == model:
        return data
    return b"".join((data[: found.start(1)], model, data[found.end(1) :]))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
