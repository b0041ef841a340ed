"""The ledger's file: opening and checking it, and starting a new one. Blocks; for one thread."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from corral.peers.replication.errors import LedgerDamaged, LedgerError, LedgerFull, LedgerTooNew
from corral.peers.replication.sqlite_storage import SqliteStorage

VERSION: Final = 1  # of the file; grows when an older program would read it wrongly
_PRIVATE = 0o600
_BUSY_TIMEOUT_S = 5.0
_PRIMARY_CODE = 0xFF  # of an extended result code
_FULL = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BESIDE = ("-wal", "-shm")
_ORIGIN = """
CREATE TABLE IF NOT EXISTS ledger_origin (
    one INTEGER PRIMARY KEY CHECK (one = 1), joined INTEGER NOT NULL -- 1: made to receive what a cluster has
) STRICT
"""


class LedgerFile:
    """A SQLite file with a storage in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._storage: SqliteStorage | None = None
        self.joined = False  # made by `start_anew` to receive what a cluster has

    @property
    def storage(self) -> SqliteStorage:
        """The open storage."""
        assert self._storage is not None, "open it first"
        return self._storage

    def open(self, *, joined: bool) -> None:
        """Open the file, made or checked first. Raises LedgerError; a file of a newer version is left as it is.

        `joined`: if it is made now, then to receive what a cluster has.
        """
        self._open(joined=joined)

    def close(self) -> None:
        """End in good order. Raises LedgerFull; it is closed then too, and other members compare more next time."""
        connection, storage = self._connection, self._storage
        self._connection = self._storage = None
        if connection is None or storage is None:
            return
        try:
            with self.named_errors():
                storage.close()
        finally:
            connection.close()

    def start_anew(self, *, joined: bool) -> Path:
        """Put the file aside and open an empty one; where the old one is now. Raises LedgerError; then the old one is open."""
        with suppress(LedgerFull):  # only its log's name is lost, and nobody asks for that any more
            self.close()
        aside = next(each for each in self._names_aside() if not each.exists())
        _move(self._path, aside)
        try:
            self._open(joined=joined)
        except BaseException:
            _move(aside, self._path)
            self._open(joined=False)
            raise
        return aside

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """SQLite's errors as LedgerError."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
            if code in _FULL:
                raise LedgerFull from error
            if code in _DAMAGED:
                raise LedgerDamaged(self._path, str(error)) from error
            raise LedgerError(f"replicated state can't be read or written: {error}") from error

    def _names_aside(self) -> Iterator[Path]:
        return (self._path.with_name(f"{self._path.name}.{number}.backup") for number in count(1))

    def _open(self, *, joined: bool) -> None:
        unclean = self._path.with_name(self._path.name + "-wal").exists()
        with self.named_errors():
            self._make()
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._check(connection, thoroughly=unclean)
                connection.execute("PRAGMA journal_mode = WAL")
                self.joined = _origin(connection, joined=joined)
                self._storage = SqliteStorage(connection)
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    def _make(self) -> None:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        except OSError as error:
            raise LedgerFull from error

    def _check(self, connection: sqlite3.Connection, *, thoroughly: bool) -> None:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise LedgerTooNew(self._path, version=version, known=VERSION)
        if version < VERSION:
            connection.execute(f"PRAGMA user_version = {VERSION}")
        if thoroughly:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                raise LedgerDamaged(self._path, found)


def _move(source: Path, target: Path) -> None:
    for ending in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            source.with_name(source.name + ending).replace(target.with_name(target.name + ending))


def _origin(connection: sqlite3.Connection, *, joined: bool) -> bool:
    connection.execute(_ORIGIN)
    connection.execute("INSERT OR IGNORE INTO ledger_origin VALUES (1, ?)", (joined,))
    return bool(connection.execute("SELECT joined FROM ledger_origin").fetchone()[0])
