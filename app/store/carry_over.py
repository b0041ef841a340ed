"""What databases of versions before 0006 hold of keys, users, invitations and ended sessions goes into the ledger.

The ledger has it on disk before the old tables are emptied, and rows that it has already are left as they are there. So this can be
interrupted anywhere and is done again at the next start, and an old copy of the database that was put back undoes nothing.
"""

import sqlite3
from collections.abc import Sequence

import structlog

from corral.app.store.database import Database, Statement
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import EditRefused, RowDeleted
from corral.peers.replication.ledger import Ledger

_TABLES = ("api_keys", "users", "invitations", "revoked_sessions")
_AT_A_TIME = 80  # rows; a write may have 1000 cells
_LOG = structlog.get_logger(__name__)


async def carry_over(database: Database, ledger: Ledger, *, now: float) -> int:
    """Move what is left in the old tables; how many rows there were. `now` is Unix time. Raises DiskFull."""
    rows = {table: await database.rows(f"SELECT * FROM {table}") for table in _TABLES}
    found = sum(map(len, rows.values()))
    if not found:
        return 0
    if (
        not ledger.joined
    ):  # else it is of before this machine joined a cluster, whose keys and users count now
        await _write(ledger, "api_keys", [_api_key(row) for row in rows["api_keys"]])
        await _write(ledger, "users", [_user(row) for row in rows["users"]])
        await _write(ledger, "invitations", [_invitation(row) for row in rows["invitations"]])
        ended = [_ended(row, now) for row in rows["revoked_sessions"] if row["expires_at"] > now]
        await _write(ledger, "recent_revoked_sessions", ended)
    await database.write([Statement(f"DELETE FROM {table}") for table in _TABLES])
    _LOG.info("keys and users were carried over into the ledger", rows=found)
    return found


async def _write(ledger: Ledger, table: str, edits: Sequence[Edit]) -> None:
    known = {row.id for row in (await ledger.rows(table)).rows}
    new = [edit for edit in edits if edit.id not in known]
    target = ReplicatedTable(ledger, table)
    for start in range(0, len(new), _AT_A_TIME):
        part = new[start : start + _AT_A_TIME]
        try:
            await target.write_all(*part)
        except EditRefused:
            for edit in part:
                await _write_one(target, edit)


async def _write_one(target: ReplicatedTable, edit: Edit) -> None:
    try:
        await target.write_all(edit)
    except RowDeleted:  # after the copy was made that was put back
        return
    except EditRefused as error:
        _LOG.error(
            "a row was not carried over; it is in the copy of the database from before", error=str(error)
        )


def _edit(table: str, id: str, **values: object) -> Edit:
    return Edit(table, id, {name: value for name, value in values.items() if value is not None})


def _api_key(row: sqlite3.Row) -> Edit:
    return _edit(
        "api_keys",
        row["id"],
        name=row["name"],
        key_prefix=row["key_prefix"],
        digest=row["digest"].hex(),
        scopes=row["scopes"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        requests_per_minute=row["requests_per_minute"],
        requests_per_day=row["requests_per_day"],
        tokens_per_minute=row["tokens_per_minute"],
        tokens_per_day=row["tokens_per_day"],
    )


def _user(row: sqlite3.Row) -> Edit:
    """Tokens carry the generation, which is lower than any time: those that were good stay so, and no others."""
    return _edit(
        "users",
        row["id"],
        username=row["username"],
        password_hash=row["password_hash"],
        role=row["role"],
        created_at=row["created_at"],
        sessions_valid_after=float(row["generation"]),
    )


def _invitation(row: sqlite3.Row) -> Edit:
    return _edit(
        "invitations",
        row["id"],
        digest=row["digest"].hex(),
        code_prefix=row["code_prefix"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        used_by=row["used_by"],
    )


def _ended(row: sqlite3.Row, now: float) -> Edit:
    return _edit("recent_revoked_sessions", row["id"], revoked_at=now)
