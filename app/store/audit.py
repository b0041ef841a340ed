"""The audit log: every management write, kept for a year."""

import sqlite3

import orjson
import structlog

from corral.app.gateway.audit import AuditEntry
from corral.app.ids import new_id
from corral.app.store.database import Database, Value
from corral.app.store.errors import DiskFull
from corral.app.store.history_log import take
from corral.app.store.numbered_rows import insert_statements

COLUMNS = "id, at, who_kind, who_id, who_name, address, action, method, path, status, request_id, details"
RETENTION_S = 366 * 86_400.0
_LOG = structlog.get_logger(__name__)


class Audit:
    """The AuditLog in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entry: AuditEntry) -> None:
        """Keep an entry; if the disk is full, the log file has it alone."""
        who = entry.client.principal
        try:
            row: list[Value] = [
                new_id(entry.at),
                entry.at,
                None if who is None else who.kind.value,
                None if who is None else who.id,
                None if who is None else who.name,
                entry.client.address,
                entry.action,
                entry.method,
                entry.path[:500],
                entry.status,
                entry.request_id,
                orjson.dumps(dict(entry.details)).decode(),
            ]
            await self._database.write([*insert_statements("audit", COLUMNS, row), take(1)])
        except (DiskFull, sqlite3.Error) as error:
            _LOG.error("audit entry not kept", action=entry.action, path=entry.path, error=str(error))

    async def latest(self, *, limit: int, before: str | None = None) -> list[sqlite3.Row]:
        """The newest entries first; `before` is the id of the last one already seen."""
        return await self._database.read(
            "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?", (before or "~", limit)
        )

    async def count(self) -> int:
        return int((await self._database.read("SELECT count(*) FROM audit"))[0][0])

    async def purge(self, *, now: float) -> int:
        """Forget what is older than a year; how many."""
        return await self._database.execute("DELETE FROM audit WHERE at < ?", (now - RETENTION_S,))
