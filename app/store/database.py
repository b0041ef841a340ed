"""The node's SQLite database in WAL mode: one connection that writes, one that reads and never waits for it.

Each has a thread of its own, so nothing blocks the loop. Writes take turns: one statement or one batch is one transaction.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from corral.app.store.errors import DiskFull
from corral.app.store.migrations import Migration, prepare, read_migrations

_BUSY_TIMEOUT_S = 5.0
_CACHE_KIB = 16 * 1024
_FULL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
    }
)
_PRIMARY_CODE = 0xFF  # of an extended result code

Value = str | bytes | int | float | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement to run once for each of `rows`."""

    sql: str
    rows: Sequence[Sequence[Value]] = ((),)


class Database:
    """An open database. Make it with `open_database`. Writing raises DiskFull when nothing can be written."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()
        self.writes = (
            0  # changes with each transaction of `write`: whoever saw it last knows whether to look again
        )

    async def execute(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement that writes; the number of rows that it changed."""
        async with self._turn:
            with _full_disk_named():
                async with self._writer.execute(sql, values) as cursor:
                    return cursor.rowcount

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Every row of a statement that writes (`… RETURNING`), or of a query that must see the latest write."""
        async with self._turn:
            with _full_disk_named():
                return list(await self._writer.execute_fetchall(sql, values))

    async def write(self, statements: Sequence[Statement]) -> list[int]:
        """Run statements as one transaction: all of them or none. How many rows each changed."""
        changed: list[int] = []
        async with self._turn:
            with _full_disk_named():
                async with self._transaction():
                    for each in statements:
                        async with self._writer.executemany(each.sql, each.rows) as cursor:
                            changed.append(cursor.rowcount)
        self.writes += 1
        return changed

    async def read(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Every row of a query; it sees what was written before it began, and never waits for a write."""
        return list(await self._reader.execute_fetchall(sql, values))

    async def close(self) -> None:
        """Write everything into the main file and close it."""
        await self._reader.close()
        async with self._turn:
            await self._writer.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        await self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            await self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # SQLite may have ended it by itself
                await self._writer.execute("ROLLBACK")
            raise


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY_CODE in _FULL:
            raise DiskFull from error
        raise


async def open_database(path: Path, migrations: Sequence[Migration] | None = None) -> Database:
    """Open the database at `path`; made, checked and brought up to date first. Raises StoreError."""
    steps = await asyncio.to_thread(read_migrations) if migrations is None else migrations
    await asyncio.to_thread(prepare, path, steps)
    writer = await _connect(path, ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"))
    try:
        reader = await _connect(path, ("query_only = ON",))
    except BaseException:
        await writer.close()
        raise
    return Database(writer, reader)


async def _connect(path: Path, pragmas: Sequence[str]) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in (*pragmas, f"cache_size = -{_CACHE_KIB}"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection
