"""A runtime as the dashboard and `GET /v0/runtimes` show it: the fields of every machine, and its own."""

from dataclasses import asdict
from typing import Any

from corral.app.gateway.failures import Failure
from corral.app.runtimes.health import Judgement
from corral.app.runtimes.heartbeat import load_document
from corral.app.runtimes.live import LiveRuntime
from corral.app.runtimes.record import RuntimeRecord
from corral.app.times import rfc3339


def runtime_document(
    record: RuntimeRecord, live: LiveRuntime, judgement: Judgement, failure: Failure | None
) -> dict[str, Any]:
    """`failure`: how it failed a client last, if it has not answered one since."""
    registered, facts, beat = record.registration, live.facts, live.beat
    reason = judgement.reason
    return {
        "id": record.id,
        "kind": "runtime",
        "name": record.name,
        "status": judgement.status.value,
        "status_reason": reason,
        "version": registered.version,
        "active_requests": 0 if beat is None else beat.active_requests,
        "tokens_per_s": 0.0,
        "loaded_models": [each.id for each in live.listing.models if each.ready],
        "models": len(live.listing.models),
        "load": None if beat is None or facts.heard_at is None else load_document(facts.heard_at, beat),
        "heard_at": _time(facts.heard_at),
        "last_error": reason if failure is None else failure.message,
        "last_error_at": None if failure is None else rfc3339(failure.at),
        "failing_since": None if failure is None else rfc3339(failure.since),
        "machine_name": registered.machine_name,
        "ip_address": registered.address,
        "runtime_port": registered.runtime_port,
        "runtime_api_port": registered.api_port,
        "gpu_available": registered.gpu_available,
        "gpu_devices": [asdict(each) for each in registered.gpus],
        "initializing": facts.initializing,
        "ready_models": None if beat is None or beat.ready_models is None else list(beat.ready_models),
        "average_response_time_ms": None if beat is None else beat.average_response_ms,
        "created_at": rfc3339(record.created_at),
        "registered_at": rfc3339(record.registered_at),
        "settings": asdict(record.settings),
    }


def metrics_document(record: RuntimeRecord, live: LiveRuntime, judgement: Judgement) -> dict[str, Any]:
    """The numbers of its last heartbeat; null while there are none."""
    beat, at = live.beat, live.facts.heard_at
    return {
        "runtime_id": record.id,
        "name": record.name,
        "status": judgement.status.value,
        "at": _time(at),
        "cpu_usage": None if beat is None else beat.cpu,
        "memory_usage": None if beat is None else beat.memory,
        "gpu_usage": None if beat is None else beat.gpu,
        "gpu_memory_usage": None if beat is None else beat.gpu_memory,
        "gpu_temperature": None if beat is None else beat.gpu_celsius,
        "active_requests": None if beat is None else beat.active_requests,
        "average_response_time_ms": None if beat is None else beat.average_response_ms,
        "loaded_models": [] if beat is None else sorted(beat.loaded),
    }


def _time(unix_s: float | None) -> str | None:
    return None if unix_s is None else rfc3339(unix_s)
