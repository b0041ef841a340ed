"""A storage in SQLite: three tables beside the program's own, one transaction for each batch."""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from corral.peers.ids import NodeId
from corral.peers.replication.cell import Cell, CellKey
from corral.peers.replication.clock import Stamp
from corral.peers.replication.storage import Batch, Cursor, Numbered

# `replicated_log` has one row. `last` is NULL while it is open: if it still is at the next start, its end may be lost.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS replicated_cells (
    "table" TEXT NOT NULL,
    id TEXT NOT NULL,
    "column" TEXT NOT NULL,
    value TEXT NOT NULL, -- JSON
    stamp TEXT NOT NULL,
    number INTEGER NOT NULL, -- in the log
    PRIMARY KEY ("table", id, "column")
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS replicated_cells_number ON replicated_cells (number);
CREATE INDEX IF NOT EXISTS replicated_cells_stamp ON replicated_cells (stamp);
CREATE TABLE IF NOT EXISTS replicated_digests ("table" TEXT PRIMARY KEY, digest BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replicated_cursors (
    node TEXT PRIMARY KEY, log TEXT NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replicated_log (
    one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, last INTEGER
) STRICT;
"""
_CELL = '"table", id, "column", value, stamp'
_PUT_CELL = f"INSERT OR REPLACE INTO replicated_cells ({_CELL}, number) VALUES (?, ?, ?, ?, ?, ?)"
_FORGET_CELL = 'DELETE FROM replicated_cells WHERE "table" = ? AND id = ? AND "column" = ?'
_PUT_DIGEST = "INSERT OR REPLACE INTO replicated_digests VALUES (?, ?)"
_PUT_CURSOR = "INSERT OR REPLACE INTO replicated_cursors VALUES (?, ?, ?)"
_PUT_LOG = "INSERT OR REPLACE INTO replicated_log VALUES (1, ?, ?)"


class SqliteStorage:
    """Keeps cells over a connection in autocommit mode, which stays the caller's. Raises sqlite3.Error as SQLite does.

    Commits are synced: other members count on what this one said it stored.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        if connection.isolation_level is not None:
            raise ValueError("The connection must be in autocommit mode: isolation_level=None.")
        self._connection = connection
        self._run("PRAGMA synchronous = FULL")
        with self._transaction():
            for statement in _SCHEMA.split(";"):
                self._run(statement)
            self.log, self.last = self._open_log()
        self._digests = {
            table: int.from_bytes(digest)
            for table, digest in self._run('SELECT "table", digest FROM replicated_digests')
        }

    def get(self, key: CellKey) -> Cell | None:
        """The cell that stands there."""
        where = 'WHERE "table" = ? AND id = ? AND "column" = ?'
        row = self._run(f"SELECT {_CELL} FROM replicated_cells {where}", key).fetchone()
        return None if row is None else Cell(*row)

    def put(self, batch: Batch) -> None:
        """Store a batch in one transaction; its cells get the next numbers."""
        cells = [
            (each.table, each.id, each.column, each.value, each.stamp, number)
            for number, each in enumerate(batch.cells, self.last + 1)
        ]
        with self._transaction():
            self._connection.executemany(_PUT_CELL, cells)
            self._connection.executemany(_FORGET_CELL, batch.forgotten)
            self._connection.executemany(
                _PUT_DIGEST, [(table, digest.to_bytes(16)) for table, digest in batch.digests.items()]
            )
            self._connection.executemany(
                _PUT_CURSOR, [(node, cursor.log, cursor.number) for node, cursor in batch.cursors.items()]
            )
        self.last += len(cells)
        self._digests.update(batch.digests)

    def since(self, number: int, *, limit: int, tables: Sequence[str] = ()) -> list[Numbered]:
        """The first `limit` cells above `number`."""
        chosen = f'AND "table" IN ({", ".join("?" * len(tables))})' if tables else ""
        rows = self._run(
            f"SELECT {_CELL}, number FROM replicated_cells WHERE number > ? {chosen} ORDER BY number LIMIT ?",
            (number, *tables, limit),
        )
        return [Numbered(row[-1], Cell(*row[:-1])) for row in rows]

    def table(self, table: str) -> Iterator[Cell]:
        """Every cell of a table, in the order of ids and columns."""
        rows = self._run(
            f'SELECT {_CELL} FROM replicated_cells WHERE "table" = ? ORDER BY id, "column"', (table,)
        )
        return (Cell(*row) for row in rows)

    def row(self, table: str, id: str) -> list[Cell]:
        """The cells of one row."""
        rows = self._run(f'SELECT {_CELL} FROM replicated_cells WHERE "table" = ? AND id = ?', (table, id))
        return [Cell(*row) for row in rows]

    def digests(self) -> Mapping[str, int]:
        """The digest of each table that has cells."""
        return self._digests

    def cursors(self) -> Mapping[NodeId, Cursor]:
        """How far each other member's log was read."""
        rows = self._run("SELECT node, log, number FROM replicated_cursors")
        return {node: Cursor(log, number) for node, log, number in rows}

    def newest(self, below: Stamp) -> Stamp | None:
        """The highest stamp below this one."""
        found = self._run("SELECT max(stamp) FROM replicated_cells WHERE stamp < ?", (below,)).fetchone()[0]
        return None if found is None else Stamp(found)

    def stamped_from(self, stamp: Stamp) -> list[Cell]:
        """Every cell whose stamp is this one or higher."""
        rows = self._run(f"SELECT {_CELL} FROM replicated_cells WHERE stamp >= ?", (stamp,))
        return [Cell(*row) for row in rows]

    def close(self) -> None:
        """Say that nothing of the log is lost, so that it keeps its name. The connection stays open."""
        self._run(_PUT_LOG, (self.log, self.last))

    def _open_log(self) -> tuple[str, int]:
        row = self._run("SELECT name, last FROM replicated_log").fetchone()
        if row is None or row[1] is None:
            highest = self._run("SELECT coalesce(max(number), 0) FROM replicated_cells").fetchone()[0]
            row = secrets.token_hex(8), highest
        self._run(_PUT_LOG, (row[0], None))
        return row[0], row[1]

    def _run(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.cursor().execute(statement, tuple(values))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite may have ended it by itself
                self._run("ROLLBACK")
            raise
