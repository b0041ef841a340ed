"""The node's SQLite database: one connection in a thread of its own, so that nothing blocks the loop.

Every statement is a transaction of its own.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from corral.app.store.migrations import Migration, prepare, read_migrations

_BUSY_TIMEOUT_S = 5.0

Value = str | bytes | int | float | None


class Database:
    """An open database. Make it with `open_database`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; the number of rows that it changed."""
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Every row of a query."""
        return list(await self._connection.execute_fetchall(sql, values))

    async def close(self) -> None:
        """Write everything into the main file and close it."""
        await self._connection.close()


async def open_database(path: Path, migrations: Sequence[Migration] | None = None) -> Database:
    """Open the database at `path`; made, checked and brought up to date first. Raises StoreError."""
    steps = await asyncio.to_thread(read_migrations) if migrations is None else migrations
    await asyncio.to_thread(prepare, path, steps)
    connection = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return Database(connection)
