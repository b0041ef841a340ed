"""Runtimes as tests need them."""

from dataclasses import replace
from typing import Any

from corral.app.runtimes.heartbeat import Heartbeat
from corral.app.runtimes.record import Registration, RuntimeId, RuntimeRecord, RuntimeSettings

NOW = 1_700_000_000.0
NODE = "NODE"


def registration(**changes: Any) -> Registration:
    """Of a machine called alpha at 192.0.2.7."""
    usual = Registration(
        machine_name="alpha",
        address="192.0.2.7",
        runtime_port=11434,
        api_port=11435,
        version="0.1.0",
        gpu_available=True,
    )
    return replace(usual, **changes)


def record(
    *, settings: RuntimeSettings | None = None, disconnected: bool = False, **changes: Any
) -> RuntimeRecord:
    """The same, kept; `changes` are of its registration."""
    return RuntimeRecord(
        id=RuntimeId("R"),
        registration=registration(**changes),
        created_at=NOW,
        registered_at=NOW,
        disconnected=disconnected,
        settings=settings or RuntimeSettings(),
    )


def heartbeat(**changes: Any) -> Heartbeat:
    """Of a machine with little to do."""
    return replace(Heartbeat(cpu=10.0, memory=20.0, active_requests=0), **changes)
