"""Bringing a database to this program's version: numbered SQL files, each run in a transaction of its own.

The version of a database is its `user_version`: the number of the last file that ran.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from corral.app.paths import backup_path
from corral.app.store.errors import DatabaseDamaged, DatabaseTooNew, MigrationFailed

_PRIVATE = 0o600  # it holds what people asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step, from version `number - 1` to `number`."""

    number: int
    name: str
    sql: str


def read_migrations() -> tuple[Migration, ...]:
    """Every step that this program knows, in order."""
    folder = files("corral.app.store").joinpath("migrations")
    sources = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name
    )
    return tuple(
        Migration(number=number, name=source.name, sql=source.read_text(encoding="utf-8"))
        for number, source in enumerate(sources, start=1)
    )


def prepare(path: Path, migrations: Sequence[Migration]) -> None:
    """Check the database at `path` and bring it up to date; make it if there is none. Blocks.

    An existing database is copied before it is changed. Raises StoreError; a newer database is left as it is.
    """
    existed = path.exists() and path.stat().st_size > 0
    unclean = existed and path.with_name(path.name + "-wal").exists()
    path.touch(mode=_PRIVATE)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            version = _version(connection)
            if version > len(migrations):
                raise DatabaseTooNew(path, version=version, known=len(migrations))
            if unclean:
                _check(connection, path)
            if version < len(migrations):
                _upgrade(connection, path, migrations[version:], backup=existed and version > 0)
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(path, str(error)) from error


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DatabaseDamaged(path, str(found))


def _upgrade(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration], *, backup: bool) -> None:
    copy = None
    if backup:
        copy = backup_path(path, version=_version(connection))
        copy.touch(mode=_PRIVATE)
        with contextlib.closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
    connection.execute("PRAGMA journal_mode = WAL")
    for step in steps:
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{step.sql}\nPRAGMA user_version = {step.number};\nCOMMIT;"
            )
        except sqlite3.Error as error:
            connection.rollback()
            raise MigrationFailed(path, step=step.name, reason=str(error), copy=copy) from error
