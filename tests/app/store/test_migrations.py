"""A database is made, brought up to date, or refused; never half changed."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from corral.app.paths import backup_path
from corral.app.store.errors import DatabaseDamaged, DatabaseTooNew, MigrationFailed
from corral.app.store.migrations import Migration, prepare, read_migrations
from tests.engines.waiting import until

FIRST = Migration(number=1, name="0001_a.sql", sql="CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);")
SECOND = Migration(number=2, name="0002_b.sql", sql="CREATE TABLE b (y INTEGER);")
BROKEN = Migration(number=3, name="0003_c.sql", sql="DELETE FROM a; CREATE TABLE c (z INTEGER); SELEKT 1;")
ENDLESS_STEP = """
import sys
from pathlib import Path
from corral.app.store.migrations import Migration, prepare

sql = "DELETE FROM a; WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) INSERT INTO a SELECT v FROM n;"
step = Migration(number=2, name="0002_endless.sql", sql=sql)
prepare(Path(sys.argv[1]), [Migration(number=1, name="0001_a.sql", sql=""), step])
"""


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def version(path: Path) -> object:
    return read(path, "PRAGMA user_version")[0][0]


def test_a_new_database_gets_every_step(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    prepare(path, read_migrations())
    assert version(path) == len(read_migrations())
    tables = {row[0] for row in read(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables >= {"api_keys", "responses"}
    assert list(tmp_path.glob("*.backup")) == []


def test_the_files_are_numbered_without_gaps() -> None:
    assert [int(each.name[:4]) for each in read_migrations()] == list(range(1, len(read_migrations()) + 1))


def test_an_older_database_is_copied_and_gets_the_missing_steps(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    prepare(path, [FIRST])
    prepare(path, [FIRST, SECOND])
    assert version(path) == 2
    assert read(path, "SELECT x FROM a") == [(7,)]
    assert version(backup_path(path, version=1)) == 1
    assert read(backup_path(path, version=1), "SELECT x FROM a") == [(7,)]


def test_a_database_that_is_up_to_date_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "same.db"
    prepare(path, [FIRST])
    prepare(path, [FIRST])
    assert list(tmp_path.glob("*.backup")) == []


def test_a_newer_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    prepare(path, [FIRST, SECOND])
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match=r"version 2.*up to 1"):
        prepare(path, [FIRST])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["newer.db"]


def test_a_step_that_fails_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    prepare(path, [FIRST])
    with pytest.raises(MigrationFailed, match=r"0003_c\.sql.*v1\.backup"):
        prepare(path, [FIRST, SECOND, BROKEN])
    assert version(path) == 2
    assert read(path, "SELECT x FROM a") == [(7,)]
    assert read(path, "SELECT name FROM sqlite_master WHERE name = 'c'") == []


def test_a_first_step_that_fails_names_no_copy(tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed) as caught:
        prepare(tmp_path / "broken.db", [BROKEN])
    assert "copy" not in str(caught.value)


def test_what_is_not_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database, but long enough to be taken for one\n" * 100)
    with pytest.raises(DatabaseDamaged, match="damaged"):
        prepare(path, [FIRST])
    assert path.read_text().startswith("not a database")


def test_damage_is_found_after_an_unclean_stop(tmp_path: Path) -> None:
    path = tmp_path / "torn.db"
    filled = Migration(
        number=1,
        name="0001_filled.sql",
        sql="CREATE TABLE a (x TEXT); CREATE INDEX i ON a (x);"
        "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 2000)"
        "INSERT INTO a SELECT hex(randomblob(40)) FROM n;",
    )
    prepare(path, [filled])
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    path.write_bytes(content)
    prepare(path, [filled])  # stopped cleanly: not looked at
    path.with_name("torn.db-wal").touch()
    with pytest.raises(DatabaseDamaged):
        prepare(path, [filled])


def test_a_program_killed_in_the_middle_of_a_step_leaves_the_version_before(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    prepare(path, [FIRST])
    log = path.with_name("killed.db-wal")
    with subprocess.Popen([sys.executable, "-c", ENDLESS_STEP, str(path)]) as program:
        try:
            asyncio.run(
                until(lambda: log.exists() and log.stat().st_size > 2**20, "a part of the step on disk")
            )
        finally:
            program.kill()
    prepare(path, [FIRST])
    assert version(path) == 1
    assert read(path, "SELECT x FROM a") == [(7,)]
    prepare(path, [FIRST, SECOND])
    assert version(path) == 2


def test_what_a_killed_program_wrote_is_there(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    prepare(path, [FIRST])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO a VALUES (8)")
        for name in ("live.db", "live.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / name.replace("live", "copy"))
    prepare(tmp_path / "copy.db", [FIRST])
    assert read(tmp_path / "copy.db", "SELECT x FROM a ORDER BY x") == [(7,), (8,)]
