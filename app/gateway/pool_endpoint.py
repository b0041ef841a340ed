"""A model pool as an endpoint: the one of this machine, or a peer's."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from corral.app.gateway.ability import is_able
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.event_answer import EventAnswer
from corral.app.gateway.event_merge import EventMerge
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Meters, Observer
from corral.app.gateway.models import served_model
from corral.app.gateway.standing import Machine, Reported, Standing, nothing_reported, this_machine
from corral.app.openai.translate import TRANSLATIONS
from corral.app.openai.translation import Translation
from corral.engines.errors import InvalidRequest
from corral.engines.events import Event
from corral.engines.model import Lifecycle, ModelFile, ModelStatus
from corral.engines.requests import Request

KEEP_ALIVE_S = 10.0
USUAL_SLOTS = 16  # of a model that isn't loaded yet


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
        file_sum: Callable[[ModelFile], str] = lambda _file: "",
        observer: Observer | None = None,
        experience: Experience | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A stream that has nothing to say for `keep_alive_s` says so in a comment.

        `id` is this machine's unless it is given; a name may change. `reported`: what the pool's machine says of
        one of its models; `file_sum`: the checksum of its files, empty while it isn't known.
        """
        self._pool = pool
        self._name = node_name if callable(node_name) else lambda: node_name
        self._id = local_id(self._name()) if id is None else id
        self._machine = machine
        self._reported = reported
        self._file_sum = file_sum
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
        return [served_model(each, file_sum=self._file_sum(each.file)) for each in self._pool.models()]

    def listed_name(self, model: str) -> str | None:
        status = self._pool.find(model)
        return None if status is None else status.file.name

    def answers(self, path: str, model: str) -> bool:
        status = self._pool.find(model)
        able = frozenset[str]() if status is None else served_model(status).capabilities
        return path in TRANSLATIONS and is_able(able, path)

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
        answer = EventAnswer(self._open(request.model, translation), meter)
        response = await answer.response(
            stream=translation.stream, document=translation.document, keep_alive_s=self._keep_alive_s
        )
        request.trace.node_name = self._name()
        if response.streamed:
            request.trace.events = meter.events
        return response

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
