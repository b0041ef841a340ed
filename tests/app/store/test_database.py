"""Transactions are whole: with errors, with a caller that goes away, and one after the other."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.app.store.database import Database, Statement, open_database
from tests.app.store.files import locked

INSERT = "INSERT INTO revoked_sessions (id, expires_at) VALUES (?, ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "corral.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await open_database(path)
    yield database
    await database.close()


async def ids(database: Database) -> list[str]:
    return [row["id"] for row in await database.read("SELECT id FROM revoked_sessions ORDER BY id")]


async def test_each_statement_says_how_many_rows_it_changed(database: Database) -> None:
    insert = Statement(INSERT, [("a", 1.0), ("b", 2.0), ("c", 3.0)])
    delete = Statement("DELETE FROM revoked_sessions WHERE expires_at < ?", [(3.0,)])
    assert await database.write([insert, delete]) == [3, 2]
    assert await ids(database) == ["c"]


async def test_a_statement_that_fails_undoes_those_before_it(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await database.write([Statement(INSERT, [("a", 1.0)]), Statement(INSERT, [("b", 1.0), ("b", 2.0)])])
    assert await ids(database) == []
    await database.write([Statement(INSERT, [("d", 1.0)])])
    assert await ids(database) == ["d"]


async def test_who_is_cancelled_while_it_is_written_hears_of_it_afterwards(
    database: Database, path: Path
) -> None:
    before = database.writes
    with locked(path):
        writing = asyncio.create_task(database.write([Statement(INSERT, [("a", 1.0)])]))
        await asyncio.sleep(0)
        writing.cancel()
        next_one = asyncio.create_task(database.write([Statement(INSERT, [("b", 1.0)])]))
        assert await asyncio.wait([writing, next_one], timeout=0.05) == (set(), {writing, next_one})
    await asyncio.wait([writing, next_one])
    assert writing.cancelled() and next_one.result() == [1]
    assert await ids(database) == ["a", "b"]
    assert database.writes > before


async def test_who_is_cancelled_before_its_turn_writes_nothing(database: Database, path: Path) -> None:
    with locked(path):
        first = asyncio.create_task(database.write([Statement(INSERT, [("a", 1.0)])]))
        second = asyncio.create_task(database.write([Statement(INSERT, [("b", 1.0)])]))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
    assert await first == [1]
    assert await ids(database) == ["a"]
