"""A peer as the dashboard shows it."""

from typing import Any

from corral.app.gateway.failures import Failure
from corral.app.serving.heard_models import HeardModels
from corral.app.serving.load_report import GpuLive, LiveReport, StaticReport
from corral.app.times import rfc3339
from corral.engines.model import Lifecycle
from corral.peers.ids import NodeId


def runtime_document(
    node: NodeId, name: str, heard: HeardModels, *, online: bool, failure: Failure | None
) -> dict[str, Any]:
    """The same fields as this machine has there, and how the peer failed last if it has not answered since."""
    models = heard.models()
    return {
        "id": node,
        "node": node,
        "kind": "node",
        "name": name,
        "status": _status(heard, online=online),
        "version": heard.static.program,
        "active_requests": sum(each.live.active for each in models),
        "tokens_per_s": sum(each.live.tokens_per_s for each in models),
        "loaded_models": [each.file.name for each in models if each.lifecycle is Lifecycle.LOADED],
        "models": len(models),
        "hardware": _hardware(heard.static),
        "load": None if heard.heard_at is None else load_document(heard.heard_at, heard.live, heard.static),
        "heard_at": None if heard.heard_at is None else rfc3339(heard.heard_at),
        "last_error": None if failure is None else failure.message,
        "last_error_at": None if failure is None else rfc3339(failure.at),
        "failing_since": None if failure is None else rfc3339(failure.since),
    }


def _status(heard: HeardModels, *, online: bool) -> str:
    if not online:
        return "offline"
    return "draining" if heard.live.draining else "online"


def load_document(at: float, live: LiveReport, static: StaticReport) -> dict[str, Any] | None:
    """What a peer said of its load at a time; None if it said nothing of it."""
    if live.cpu_percent is None:
        return None
    return {
        "at": rfc3339(at),
        "cpu_percent": live.cpu_percent,
        "memory_percent": live.memory_percent,
        "gpus": [
            _gpu(gpu, static.gpus[number].name if number < len(static.gpus) else "")
            for number, gpu in enumerate(live.gpus)
        ],
        "active": sum(each.active for each in live.models),
        "queued": sum(each.waiting for each in live.models),
        "tokens_per_s": sum(each.speed_tenths for each in live.models) / 10,
        "battery_percent": live.battery_percent,
        "on_battery": live.on_battery,
        "in_use": live.in_use,
    }


def _hardware(static: StaticReport) -> dict[str, Any] | None:
    if not static.cores:
        return None
    return {
        "cores": static.cores,
        "memory_bytes": static.memory_bytes,
        "gpus": [{"name": gpu.name, "memory_bytes": gpu.memory_bytes} for gpu in static.gpus],
    }


def _gpu(gpu: GpuLive, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "used_percent": gpu.used_percent,
        "memory_percent": gpu.memory_percent,
        "temperature_celsius": gpu.celsius,
    }
