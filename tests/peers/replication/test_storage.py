"""Both storages keep the same; the one in SQLite keeps it through a crash."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.cell import RULES, Cell
from corral.peers.replication.clock import HybridClock, Stamp, stamp_of
from corral.peers.replication.memory_storage import MemoryStorage
from corral.peers.replication.merge import merge
from corral.peers.replication.sqlite_storage import SqliteStorage
from corral.peers.replication.storage import Batch, Cursor, Storage

NODE = NodeId("a")


def cell(number: int, value: str = "1", *, table: str = "settings", at: int = 1) -> Cell:
    return Cell(table, f"s{number}", "value", value, stamp_of(at, 0, NODE))


def put(storage: Storage, *cells: Cell) -> None:
    merge(storage, cells, rules=RULES, clock=HybridClock(NODE))


def connection(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def numbered(
    storage: Storage, since: int, limit: int = 100, tables: tuple[str, ...] = ()
) -> list[tuple[int, str]]:
    return [(each.number, each.cell.id) for each in storage.since(since, limit=limit, tables=tables)]


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "memory":
        yield MemoryStorage("log")
        return
    with closing(connection(tmp_path / "corral.db")) as opened:
        yield SqliteStorage(opened)


def test_a_new_one_is_empty(storage: Storage) -> None:
    assert (storage.last, storage.digests(), storage.cursors()) == (0, {}, {})
    assert storage.get(cell(1).key) is None
    assert storage.since(0, limit=10) == []
    assert storage.newest(Stamp("~")) is None


def test_cells_are_numbered_as_they_come_and_move_on_when_they_change(storage: Storage) -> None:
    put(storage, cell(1), cell(2), cell(3, table="users"))
    put(storage, cell(1, "2", at=2))
    assert storage.get(cell(1).key) == cell(1, "2", at=2)
    assert numbered(storage, 0) == [(2, "s2"), (3, "s3"), (4, "s1")]
    assert numbered(storage, 2) == [(3, "s3"), (4, "s1")]
    assert numbered(storage, 0, limit=2) == [(2, "s2"), (3, "s3")]
    assert numbered(storage, 0, limit=2, tables=("settings", "other")) == [(2, "s2"), (4, "s1")]
    assert storage.last == 4
    assert [each.id for each in storage.table("settings")] == ["s1", "s2"]
    assert storage.row("users", "s3") == [cell(3, table="users")]
    assert storage.row("users", "s1") == []


def test_what_loses_is_not_stored(storage: Storage) -> None:
    put(storage, cell(1, "new", at=5))
    put(storage, cell(1, "old", at=4))
    assert numbered(storage, 0) == [(1, "s1")]


def test_stamps_can_be_looked_for(storage: Storage) -> None:
    put(storage, *(cell(number, at=number) for number in (1, 2, 3)))
    assert storage.newest(stamp_of(3, 0, NODE)) == stamp_of(2, 0, NODE)
    assert {each.id for each in storage.stamped_from(stamp_of(2, 0, NODE))} == {"s2", "s3"}


def test_digests_and_cursors_are_kept(storage: Storage) -> None:
    put(storage, cell(1), cell(2, table="users"))
    assert storage.digests() == {
        each.table: digest.cell_digest(each) for each in (cell(1), cell(2, table="users"))
    }
    storage.put(Batch(cursors={NodeId("b"): Cursor("log of b", 7)}))
    assert storage.cursors() == {NodeId("b"): Cursor("log of b", 7)}


def test_forgotten_cells_are_gone_and_their_numbers_stay_unused(storage: Storage) -> None:
    put(storage, cell(1), cell(2), cell(3))
    storage.put(Batch(forgotten=[cell(2).key], digests={"settings": 5}))
    assert storage.get(cell(2).key) is None
    assert numbered(storage, 0) == [(1, "s1"), (3, "s3")]
    assert storage.digests() == {"settings": 5}
    put(storage, cell(2))
    assert numbered(storage, 1) == [(3, "s3"), (4, "s2")]


def test_sqlite_keeps_everything_and_its_log_name_over_an_orderly_end(tmp_path: Path) -> None:
    with closing(connection(tmp_path / "corral.db")) as opened:
        first = SqliteStorage(opened)
        put(first, cell(1), cell(2), cell(3))
        first.put(Batch(forgotten=[cell(3).key], cursors={NodeId("b"): Cursor("log of b", 7)}))
        first.close()
    with closing(connection(tmp_path / "corral.db")) as opened:
        second = SqliteStorage(opened)
        assert (second.log, second.last) == (first.log, 3)  # no number is used twice
        assert second.digests() == first.digests()
        assert second.cursors() == {NodeId("b"): Cursor("log of b", 7)}


def test_a_log_that_was_not_closed_gets_a_new_name(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with closing(connection(tmp_path / "corral.db")) as opened:
            names.append(SqliteStorage(opened).log)
    assert len(set(names)) == 3


def test_a_batch_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with closing(connection(tmp_path / "corral.db")) as opened:
        storage = SqliteStorage(opened)
        put(storage, cell(1))
        before = (storage.last, dict(storage.digests()), numbered(storage, 0))
        unstorable = Cell("settings", "s3", "value", None, stamp_of(1, 0, NODE))  # type: ignore[arg-type]
        with pytest.raises(sqlite3.IntegrityError):
            storage.put(
                Batch(cells=[cell(2), unstorable], digests={"settings": 1}, cursors={NODE: Cursor("x", 1)})
            )
        assert (storage.last, dict(storage.digests()), numbered(storage, 0)) == before
        assert storage.cursors() == {}
        put(storage, cell(2))
        assert numbered(storage, 0) == [(1, "s1"), (2, "s2")]


def test_the_connection_must_be_in_autocommit_mode(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "corral.db")) as opened,
        pytest.raises(ValueError, match="autocommit"),
    ):
        SqliteStorage(opened)


WRITER = """
import itertools, sqlite3, sys
from tests.peers.replication.test_storage import cell, connection, put
from corral.peers.replication.sqlite_storage import SqliteStorage
storage = SqliteStorage(connection(sys.argv[1]))
for round in itertools.count(1):
    put(storage, *(cell(number, str(round), at=round) for number in range(200)))
    print(round, flush=True)
"""


def test_a_killed_process_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=root
    ) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            said = int(writer.stdout.readline())
        writer.kill()
        said = max([said, *map(int, writer.stdout.read().split())])
    with closing(connection(path)) as opened:
        storage = SqliteStorage(opened)
        cells = list(storage.table("settings"))
        assert len(cells) == 200
        assert len({each.value for each in cells}) == 1
        assert int(cells[0].value) >= said
        assert storage.last == 200 * int(cells[0].value)
        assert storage.digests() == {"settings": sum(map(digest.cell_digest, cells)) % 2**128}
