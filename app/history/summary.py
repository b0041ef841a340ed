"""A request as lists and live events show it: JSON without texts. Pure."""

import sqlite3
from typing import Any

from corral.app.gateway.recording import RequestRecord
from corral.app.times import rfc3339


def summary_of_row(row: sqlite3.Row) -> dict[str, Any]:
    """Of a row of table `requests`."""
    return _document(dict(row))


def summary_of(record: RequestRecord) -> dict[str, Any]:
    """Of a record that is not in the database yet."""
    trace, who = record.trace, record.client.principal
    return _document(
        {
            "id": record.id,
            "request_id": record.request_id,
            "started_at": record.started_at,
            "method": record.method,
            "path": record.path,
            "model": record.model,
            "endpoint_id": trace.endpoint_id,
            "endpoint_name": trace.endpoint_name,
            "node_name": trace.node_name,
            "who_kind": None if who is None else who.kind.value,
            "who_id": None if who is None else who.id,
            "who_name": None if who is None else who.name,
            "address": record.client.address,
            "status": record.status,
            "outcome": record.outcome.value,
            "error_code": trace.error_code,
            "streamed": record.streamed,
            "duration_s": record.duration_s,
            "queued_s": trace.queued_s,
            "first_token_s": trace.first_token_s,
            "prompt_tokens": trace.prompt_tokens,
            "cached_tokens": trace.cached_tokens,
            "completion_tokens": trace.completion_tokens,
            "request_bytes": record.received_bytes,
            "answer_bytes": record.answer_bytes,
        }
    )


def _document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "request_id": row["request_id"],
        "started_at": rfc3339(row["started_at"]),
        "method": row["method"],
        "path": row["path"],
        "model": row["model"],
        "endpoint": None
        if row["endpoint_id"] is None
        else {"id": row["endpoint_id"], "name": row["endpoint_name"]},
        "runtime": row["node_name"],
        "who": None
        if row["who_kind"] is None
        else {"kind": row["who_kind"], "id": row["who_id"], "name": row["who_name"]},
        "address": row["address"],
        "status": row["status"],
        "outcome": row["outcome"],
        "error_code": row["error_code"],
        "streamed": bool(row["streamed"]),
        "duration_ms": _ms(row["duration_s"]),
        "queued_ms": _ms(row["queued_s"]),
        "first_token_ms": _ms(row["first_token_s"]),
        "prompt_tokens": row["prompt_tokens"],
        "cached_tokens": row["cached_tokens"],
        "completion_tokens": row["completion_tokens"],
        "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
        "request_bytes": row["request_bytes"],
        "answer_bytes": row["answer_bytes"],
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)
