"""Reading the audit log."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from corral.app.api import answers
from corral.app.api.call import Call, json_answer
from corral.app.api.query import text, whole_number
from corral.app.api.route import Query, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.store.audit import Audit
from corral.app.times import rfc3339

_MOST = 1000


class AuditRoutes:
    """Handler of /v0/audit."""

    def __init__(self, *, audit: Audit) -> None:
        self._audit = audit

    async def list(self, call: Call) -> GatewayResponse:
        limit = whole_number(call.query, "limit", default=100, low=1, high=_MOST)
        rows = await self._audit.latest(limit=limit, before=text(call.query, "before"))
        entries = [_document(row) for row in rows]
        return json_answer({"entries": entries, "total": await self._audit.count()})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path="/v0/audit",
                handler=self.list,
                summary="Who changed what, newest first",
                access=MANAGEMENT,
                answer=answers.AuditEntries,
                queries=(
                    Query(
                        name="limit",
                        description="How many entries.",
                        schema={"type": "integer", "minimum": 1, "maximum": _MOST, "default": 100},
                    ),
                    Query(name="before", description="Only entries older than the one with this id."),
                ),
            )
        ]


def _document(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": rfc3339(row["at"]),
        "who": None
        if row["who_kind"] is None
        else {"kind": row["who_kind"], "id": row["who_id"], "name": row["who_name"]},
        "address": row["address"],
        "action": row["action"],
        "method": row["method"],
        "path": row["path"],
        "status": row["status"],
        "request_id": row["request_id"],
        "details": orjson.loads(row["details"]),
    }
