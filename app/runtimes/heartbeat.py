"""What a runtime says of itself now and again."""

from dataclasses import dataclass
from typing import Any

from corral.app.gateway.standing import Machine
from corral.app.times import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """One heartbeat, as POST /v0/health brings it. Per cent unless the name says otherwise; None: it says nothing of it."""

    cpu: float
    memory: float
    gpu: float | None = None
    gpu_memory: float | None = None
    gpu_celsius: float | None = None
    gpu_model: str | None = None
    active_requests: int
    average_response_ms: float | None = None
    loaded_models: tuple[str, ...] = ()
    loaded_embedding_models: tuple[str, ...] = ()
    initializing: bool = False
    ready_models: tuple[int, int] | None = None  # so many of so many

    @property
    def loaded(self) -> frozenset[str]:
        """Every model that it has loaded."""
        return frozenset(self.loaded_models + self.loaded_embedding_models)


def machine_of(beat: Heartbeat | None, at: float | None, *, online: bool, weight: float) -> Machine:
    """The computer behind a runtime, for choosing, as its last heartbeat has it."""
    if beat is None:
        return Machine(online=online, weight=weight)
    return Machine(
        online=online,
        weight=weight,
        cpu_percent=beat.cpu,
        memory_percent=beat.memory,
        gpu_percent=beat.gpu or 0.0,
        gpu_memory_percent=beat.gpu_memory or 0.0,
        read_at=at,
    )


def load_document(at: float, beat: Heartbeat) -> dict[str, Any]:
    """A heartbeat in the shape that the load of every machine has."""
    gpus = []
    if beat.gpu is not None or beat.gpu_memory is not None:
        gpus = [
            {
                "name": beat.gpu_model or "",
                "used_percent": beat.gpu,
                "memory_percent": beat.gpu_memory,
                "temperature_celsius": beat.gpu_celsius,
            }
        ]
    return {
        "at": rfc3339(at),
        "cpu_percent": beat.cpu,
        "memory_percent": beat.memory,
        "gpus": gpus,
        "active": beat.active_requests,
        "queued": 0,
        "tokens_per_s": 0.0,
        "average_response_time_ms": beat.average_response_ms,
        "battery_percent": None,
        "on_battery": False,
        "in_use": None,
    }
