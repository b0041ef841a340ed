"""The node's SQLite database in WAL mode: one connection that writes, one that reads and never waits for it.

Each has a thread of its own, so nothing blocks the loop. Writes take turns: one statement or one batch is one transaction.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite

from corral.app.store.errors import DiskFull
from corral.app.store.migrations import Migration, prepare, read_migrations
from corral.app.uninterrupted import uninterrupted

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
_ROWS_AT_ONCE = 64  # that a cursor gets for whoever reads row by row; nobody does

Value = str | bytes | int | float | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement to run once for each of `rows`."""

    sql: str
    rows: Sequence[Sequence[Value]] = ((),)


class _Connection(aiosqlite.Connection):
    """One whose thread runs a transaction as one call.

    Each call, and each statement in it, takes the interpreter lock back several times, for which a busy loop has to give it up.
    """

    async def transaction(self, statements: Sequence[Statement]) -> list[int]:
        """All of the statements or none; how many rows each changed. Goes on where the caller is cancelled."""
        changed: list[int] = await self._execute(_run, self._conn, statements)  # type: ignore[no-untyped-call]
        return changed


ConnectionType = TypeVar("ConnectionType", bound=aiosqlite.Connection)


class Database:
    """An open database. Make it with `open_database`. Writing raises DiskFull when nothing can be written."""

    def __init__(self, writer: _Connection, reader: aiosqlite.Connection) -> None:
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
        """Run statements as one transaction: all of them or none. How many rows each changed.

        Whoever is cancelled while it runs hears of it when it is over.
        """
        async with self._turn:
            try:
                with _full_disk_named():
                    return await uninterrupted(self._writer.transaction(statements))
            finally:
                self.writes += 1

    async def read(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Every row of a query; it sees what was written before it began, and never waits for a write."""
        return list(await self._reader.execute_fetchall(sql, values))

    async def close(self) -> None:
        """Write everything into the main file and close it."""
        await self._reader.close()
        async with self._turn:
            await self._writer.close()


def _run(connection: sqlite3.Connection, statements: Sequence[Statement]) -> list[int]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        changed = [connection.executemany(each.sql, each.rows).rowcount for each in statements]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have ended it by itself
            connection.execute("ROLLBACK")
        raise
    return changed


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
    writer = await _connect(
        _Connection, path, ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
    )
    try:
        reader = await _connect(aiosqlite.Connection, path, ("query_only = ON",))
    except BaseException:
        await writer.close()
        raise
    return Database(writer, reader)


async def _connect(kind: type[ConnectionType], path: Path, pragmas: Sequence[str]) -> ConnectionType:
    connect = partial(sqlite3.connect, path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    connection = kind(connect, _ROWS_AT_ONCE)
    await connection
    connection.row_factory = sqlite3.Row
    try:
        for pragma in (*pragmas, f"cache_size = -{_CACHE_KIB}"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection
