"""Health, metrics and what this node is: no credentials, no secrets."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from pydantic import BaseModel

from corral.app.api import answers
from corral.app.api.call import Call, json_answer, once
from corral.app.api.metrics import CONTENT_TYPE, Metrics
from corral.app.api.request_errors import Draining, NotReady
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.history.recorder import RecordingStatus


class NodeState(StrEnum):
    """Where this node is in its life."""

    STARTING = "starting"
    OK = "ok"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this node is in its cluster. `router_url` is for machines that don't run Corral."""

    role: str = "alone"  # router, follower, alone
    cluster: str | None = None
    router_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """What this node tells everybody about itself."""

    name: str
    version: str
    place: Callable[[], Place] = Place
    paused: Callable[[], bool] = lambda: False  # it works for itself only


def check_ready(state: NodeState) -> None:
    """Raises NotReady or Draining."""
    if state is NodeState.STARTING:
        raise NotReady
    if state is NodeState.DRAINING:
        raise Draining


class Health:
    """Handlers of the open routes."""

    def __init__(
        self,
        *,
        node: NodeInfo,
        state: Callable[[], NodeState],
        metrics: Metrics,
        show_metrics: bool,
        recording: Callable[[], RecordingStatus],
    ) -> None:
        self._node = node
        self._state = state
        self._metrics = metrics
        self._show_metrics = show_metrics
        self._recording = recording

    async def health(self, call: Call) -> GatewayResponse:
        state = self._state()
        document = health_document(self._node, state, self._recording())
        return json_answer(document, status=200 if state is NodeState.OK else 503)

    async def startup(self, call: Call) -> GatewayResponse:
        starting = self._state() is NodeState.STARTING
        return json_answer({"status": "starting" if starting else "ready"}, status=503 if starting else 200)

    async def metrics(self, call: Call) -> GatewayResponse:
        return GatewayResponse(
            status=200, headers={"content-type": CONTENT_TYPE}, body=once(self._metrics.text())
        )

    async def system(self, call: Call) -> GatewayResponse:
        node, place = self._node, self._node.place()
        return json_answer({"version": node.version, "node": node.name, **asdict(place)})

    def routes(self) -> Sequence[Route]:
        get: list[tuple[str, Handler, str, type[BaseModel], tuple[int, ...], tuple[int, ...]]] = [
            ("/health", self.health, "Whether this node can answer", answers.Health, (200, 503), ()),
            ("/startup", self.startup, "Whether this node has started", answers.Startup, (200, 503), ()),
            ("/v0/system", self.system, "What this node is", answers.System, (200,), (403,)),
        ]
        routes = [
            Route(
                method="GET",
                path=path,
                handler=handler,
                summary=summary,
                answer=answer,
                answer_statuses=statuses,
                errors=errors,
                node_local=True,
            )
            for path, handler, summary, answer, statuses, errors in get
        ]
        if self._show_metrics:
            routes.append(
                Route(
                    method="GET",
                    path="/metrics",
                    handler=self.metrics,
                    summary="Numbers for Prometheus",
                    answer_types=("text/plain",),
                    node_local=True,
                )
            )
        return routes


def health_document(node: NodeInfo, state: NodeState, recording: RecordingStatus) -> dict[str, str]:
    """How this node is."""
    document = {
        "status": state.value,
        "node": node.name,
        "role": node.place().role,
        "version": node.version,
        "sharing": "paused" if node.paused() else "on",
        "recording": "paused" if recording.paused else "ok",
    }
    return {**document, "recording_reason": recording.reason or "unknown"} if recording.paused else document
