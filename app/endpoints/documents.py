"""Endpoints as people and programs see them: without their keys. Pure."""

from typing import Any, Final

from corral.app.endpoints.health import Health
from corral.app.endpoints.inquiry import Examination
from corral.app.endpoints.record import EndpointRecord
from corral.app.times import rfc3339

MOST_NAMES: Final = 100  # of models, in the answer to a test


def endpoint_document(record: EndpointRecord, health: Health, *, models: int) -> dict[str, Any]:
    """As GET /v0/endpoints lists it."""
    kind = record.kind
    return {
        "id": record.id,
        "name": record.name,
        "base_url": record.base_url,
        "type": None if kind is None else kind.value,
        "type_detected": record.wanted_kind is None,
        "has_api_key": record.api_key is not None or record.key_unreadable,
        "enabled": record.enabled,
        "health_check_interval_secs": record.health_check_interval_s,
        "inference_timeout_secs": record.inference_timeout_s,
        "weight": record.weight,
        "notes": record.notes,
        "created_at": rfc3339(record.created_at),
        "status": health.status.value,
        "status_since": _time(health.since),
        "latency_ms": None if health.latency_s is None else round(health.latency_s * 1e3, 1),
        "last_checked_at": _time(health.checked_at),
        "last_error": _KEY_LOST if record.key_unreadable else health.last_error,
        "last_error_at": _time(health.failed_at),
        "failing_since": _time(health.failing_since),
        "models": models,
        "synced_at": _time(record.synced_at),
    }


def test_document(found: Examination) -> dict[str, Any]:
    """Of a test that went well."""
    return {
        "success": True,
        "latency_ms": round(found.latency_s * 1e3, 1),
        "error": None,
        "models_found": len(found.models),
        "models": [each.id for each in found.models[:MOST_NAMES]],
        "endpoint_info": {"type": found.kind.value, "version": found.version},
    }


def failed_document(error: str) -> dict[str, Any]:
    """Of one that didn't."""
    return {
        "success": False,
        "latency_ms": None,
        "error": error,
        "models_found": 0,
        "models": [],
        "endpoint_info": None,
    }


_KEY_LOST = "its API key was sealed with another cluster's key; give it again"


def _time(unix_s: float | None) -> str | None:
    return None if unix_s is None else rfc3339(unix_s)
