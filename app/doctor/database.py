"""Whether the database can be opened and is whole."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from corral.app.commands.screen import size
from corral.app.doctor.finding import Finding, ok, problem
from corral.app.store.migrations import read_migrations

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """The database file as it is."""

    path: Path
    exists: bool
    known_version: int  # the newest one of this program
    version: int = 0
    size_bytes: int = 0
    error: str | None = None  # of opening it, or the first thing that its check found


def gather_database(path: Path, *, known_version: int | None = None) -> DatabaseFacts:
    """Open it read-only and check it; nothing is left beside it that wasn't there. `known_version`: of another kind of file."""
    known = len(read_migrations()) if known_version is None else known_version
    if not path.exists():
        return DatabaseFacts(path=path, exists=False, known_version=known)
    size_bytes = path.stat().st_size
    alone = not path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return DatabaseFacts(
            path=path, exists=True, known_version=known, size_bytes=size_bytes, error=str(error)
        )
    return DatabaseFacts(
        path=path,
        exists=True,
        known_version=known,
        version=version,
        size_bytes=size_bytes,
        error=None if found == "ok" else found,
    )


def judge_database(facts: DatabaseFacts) -> list[Finding]:
    """One finding."""
    if not facts.exists:
        return [ok("database", "none yet; the first start makes it")]
    if facts.error is not None:
        remedy = "Move it away to start with a new one, or put a backup in its place."
        return [problem("database", f"{facts.path} is damaged: {facts.error}", remedy)]
    if facts.version > facts.known_version:
        what = (
            f"{facts.path} has version {facts.version}; this program knows those up to {facts.known_version}"
        )
        return [problem("database", what, "Start the newer Corral that wrote it, or name another folder.")]
    state = "" if facts.version == facts.known_version else ", brought up to date at the next start"
    return [ok("database", f"whole, version {facts.version}{state}, {size(facts.size_bytes)}")]
