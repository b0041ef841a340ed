"""What the dashboard shows at a glance, gathered from the parts of the node."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from corral.app.api.health import NodeInfo, NodeState
from corral.app.gateway.endpoint import Endpoint
from corral.app.history.recorder import RecordingStatus
from corral.app.store.statistics import Recent, Statistics
from corral.app.telemetry import Sample, Telemetry
from corral.app.times import rfc3339
from corral.engines.battery import Battery
from corral.engines.devices import Devices
from corral.engines.model import Lifecycle, ModelStatus

HOUR_S, DAY_S, MINUTE_S = 3_600, 86_400, 60
MINUTES = 60  # of the request history


class Models(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def models(self) -> tuple[ModelStatus, ...]: ...


class Hardware(Protocol):
    """What this needs of `serving.own_machine.OwnMachine`."""

    def devices(self) -> Devices | None: ...

    def battery(self) -> Battery | None: ...


class Registered(Protocol):
    """What this needs of `runtimes.runtimes.Runtimes`."""

    def documents(self) -> list[dict[str, Any]]: ...

    def samples(self, id: str) -> list[dict[str, Any]] | None: ...


class Load(Protocol):
    """What this needs of `gateway.admission.Admission`."""

    @property
    def waiting(self) -> int: ...

    @property
    def running(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Gathers. `node_id` is this machine's among its peers. `cloud_keys`: provider → whether its key is set; `peers`: as `runtimes` shows them;
    `servers`: elsewhere, as GET /v0/endpoints lists them."""

    node: NodeInfo
    state: Callable[[], NodeState]
    models: Models
    endpoints: Callable[[], Sequence[Endpoint]]
    load: Load
    statistics: Statistics
    telemetry: Telemetry
    recording: Callable[[], RecordingStatus]
    cloud_keys: Callable[[], Mapping[str, bool]]
    peers: Callable[[], list[dict[str, Any]]] = list
    peer_samples: Callable[[str], list[dict[str, Any]] | None] = lambda _id: None
    servers: Callable[[], list[dict[str, Any]]] = list
    registered: Registered | None = None
    hardware: Hardware | None = None
    node_id: str | None = None
    now: Callable[[], float] = time.time

    async def stats(self) -> dict[str, Any]:
        """Numbers of everything."""
        now = self.now()
        endpoints = self.endpoints()
        served = [each for endpoint in endpoints if endpoint.machine().online for each in endpoint.models()]
        return {
            "nodes": 1 + len(self.peers()),
            "endpoints": len(endpoints),
            "endpoints_online": sum(endpoint.machine().online for endpoint in endpoints),
            "models": len({each.id for each in served}),
            "models_loaded": len({each.id for each in served if each.ready}),
            "active_requests": self.load.running,
            "waiting_requests": self.load.waiting,
            "tokens_per_s": sum(each["tokens_per_s"] for each in self.runtimes()),
            "total": await self.statistics.totals(),
            "last_hour": _recent(await self.statistics.since(now - HOUR_S)),
            "last_day": _recent(await self.statistics.since(now - DAY_S)),
            "recording": recording_document(self.recording()),
            **{f"{provider}_key_present": present for provider, present in self.cloud_keys().items()},
        }

    def runtimes(self) -> list[dict[str, Any]]:
        """What serves models: this machine, its peers, runtimes that registered."""
        return [
            self._own(),
            *self.peers(),
            *(() if self.registered is None else self.registered.documents()),
        ]

    def _own(self) -> dict[str, Any]:
        models = self.models.models()
        devices = None if self.hardware is None else self.hardware.devices()
        return {
            "id": self.node.name,
            "node": self.node_id,
            "kind": "node",
            "name": self.node.name,
            "status": self._status(),
            "version": self.node.version,
            "active_requests": sum(each.live.active for each in models),
            "tokens_per_s": sum(each.live.tokens_per_s for each in models),
            "loaded_models": [each.file.name for each in models if each.lifecycle is Lifecycle.LOADED],
            "models": len(models),
            "hardware": None if devices is None else hardware_document(devices),
            "load": self._own_load(),
        }

    def _own_load(self) -> dict[str, Any] | None:
        latest = self.telemetry.latest
        if latest is None:
            return None
        battery = None if self.hardware is None else self.hardware.battery()
        if battery is None:
            return sample_document(latest)
        return {
            **sample_document(latest),
            "battery_percent": battery.percent,
            "on_battery": battery.in_use,
        }

    def live_runtimes(self) -> list[dict[str, Any]]:
        """The same without the times of readings: equal as long as nothing else changes."""
        return [_timeless(each) for each in self.runtimes()]

    def _status(self) -> str:
        """As peers see it too."""
        if self.state() is not NodeState.OK:
            return self.state().value
        return "draining" if self.node.paused() else "online"

    def samples(self, id: str) -> list[dict[str, Any]] | None:
        """The last hour of a machine's load, oldest first; None if there is no such machine."""
        if id in (self.node.name, self.node_id):
            return [sample_document(each) for each in self.telemetry.samples]
        samples = self.peer_samples(id)
        return self.registered.samples(id) if samples is None and self.registered is not None else samples

    async def request_history(self) -> list[dict[str, Any]]:
        """The last 60 minutes, oldest first, the running one last."""
        running = int(self.now()) // MINUTE_S * MINUTE_S
        first = running - (MINUTES - 1) * MINUTE_S
        counts = await self.statistics.per_minute(first=first, minutes=MINUTES)
        return [
            {"minute": rfc3339(first + number * MINUTE_S), "success": good, "error": bad}
            for number, (good, bad) in enumerate(counts)
        ]

    async def overview(self) -> dict[str, Any]:
        """All of it, in one answer."""
        return {
            "stats": await self.stats(),
            "runtimes": self.runtimes(),
            "endpoints": self.servers(),
            "history": await self.request_history(),
            "generated_at": rfc3339(self.now()),
        }


def sample_document(sample: Sample) -> dict[str, Any]:
    """A reading of the machine's load."""
    return {
        "at": rfc3339(sample.at),
        "cpu_percent": round(sample.load.cpu_percent, 1),
        "memory_percent": round(sample.load.memory_percent, 1),
        "gpus": [asdict(gpu) for gpu in sample.load.gpus],
        "active": sample.active,
        "queued": sample.queued,
        "tokens_per_s": round(sample.tokens_per_s, 1),
    }


def hardware_document(devices: Devices) -> dict[str, Any]:
    """What a machine has to run models with."""
    return {
        "cores": devices.cores,
        "memory_bytes": devices.memory.total_bytes,
        "gpus": [{"name": gpu.name, "memory_bytes": gpu.total_bytes} for gpu in devices.gpus],
    }


def _timeless(runtime: Mapping[str, Any]) -> dict[str, Any]:
    load = runtime["load"]
    kept = None if load is None else {name: value for name, value in load.items() if name != "at"}
    return {**{name: value for name, value in runtime.items() if name != "heard_at"}, "load": kept}


def recording_document(recording: RecordingStatus) -> dict[str, Any]:
    """Whether the history is being written, and what of it."""
    return {
        "keep": recording.keep.value,
        "paused": recording.paused,
        "reason": recording.reason,
        "since": None if recording.since is None else rfc3339(recording.since),
        "waiting": recording.waiting,
        "lost": recording.lost,
    }


def _recent(recent: Recent) -> dict[str, Any]:
    return {
        "requests": recent.total,
        "ok": recent.ok,
        "refused": recent.refused,
        "failed": recent.failed,
        "cancelled": recent.cancelled,
        "average_ms": _ms(recent.average_s),
        "p50_ms": _ms(recent.p50_s),
        "p95_ms": _ms(recent.p95_s),
        "first_token_p50_ms": _ms(recent.first_token_p50_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)
