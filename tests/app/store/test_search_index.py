"""Words of new texts wait; whoever searches finds them all the same, and none that are gone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.app.store import search_index
from corral.app.store.database import Database, open_database
from corral.app.store.history import History, HistoryFilter
from corral.app.store.search_index import SearchIndex
from tests.app.store.rows import UNINDEXED, add_request


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(tmp_path / "corral.db")
    yield opened
    await opened.close()


async def waiting(database: Database) -> int:
    return int((await database.read(UNINDEXED))[0][0])


async def indexed(database: Database, word: str) -> int:
    """In how many texts the index itself has it."""
    sql = "SELECT count(*) FROM request_search WHERE request_search MATCH ?"
    return int((await database.read(sql, (word,)))[0][0])


async def test_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "STEP", 4)
    for number in range(1, 11):
        await add_request(database, number, searched=f"hello word{number}")
    index = SearchIndex(database)
    assert (await waiting(database), await indexed(database, "hello")) == (10, 0)
    assert [await index.step() for _ in range(4)] == [4, 4, 2, 0]
    assert (await waiting(database), await indexed(database, "hello")) == (0, 10)
    assert await indexed(database, "word7") == 1


async def test_a_search_finds_what_waits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "STEP", 4)
    for number in range(1, 11):
        await add_request(database, number, searched=f"hello word{number}")
    history = History(database)
    wanted = HistoryFilter(words="hello")
    assert await history.count(wanted) == 10
    await add_request(database, 11, searched="hello again")
    assert len(await history.page(wanted, offset=0, limit=100)) == 11
    await add_request(database, 12, searched="hello again")
    assert [len(rows) async for rows in history.every(wanted)] == [12]
    await add_request(database, 13, searched="hello again")
    assert await history.count(HistoryFilter()) == 13
    assert await waiting(database) == 1  # nobody searched


async def test_what_is_deleted_is_gone_whether_it_waited_or_not(database: Database) -> None:
    history, index = History(database), SearchIndex(database)
    for number in (1, 2):
        await add_request(database, number, searched="early bird", started_at=100.0)
    await index.catch_up()
    for number in (3, 4):
        await add_request(database, number, searched="late bird", started_at=100.0 if number == 3 else 200.0)
    assert await waiting(database) == 2
    assert await history.purge(before=150.0, now=200.0) == 3
    assert await waiting(database) == 1
    assert await history.count(HistoryFilter(words="bird")) == 1
    assert (await indexed(database, "early"), await indexed(database, "late")) == (0, 1)
    await database.execute("INSERT INTO request_search (request_search) VALUES ('integrity-check')")


async def test_the_index_agrees_with_the_texts(database: Database) -> None:
    """Added, taken in and deleted in any order."""
    index = SearchIndex(database)
    for number in range(1, 60):
        await add_request(database, number, searched=f"text {number % 7}")
        if number % 5 == 0:
            await index.catch_up()
        if number % 3 == 0:
            await database.execute("DELETE FROM requests WHERE number = ?", (number - 1 - number % 4,))
    await index.catch_up()
    await database.execute("INSERT INTO request_search (request_search) VALUES ('integrity-check')")
    left = (await database.read("SELECT count(*) FROM request_texts"))[0][0]
    assert await indexed(database, "text") == left > 0


@pytest.mark.parametrize(
    ("request_body", "answer_body", "words"),
    [
        (
            '{"model": "tiny", "messages": [{"role": "user", "content": "Guten Tag"}], "seed": 7}',
            '{"id": "chatcmpl-1", "choices": [{"message": {"content": "h\\u00e9llo \\"you\\""}, "finish_reason": "stop"}]}',
            ["guten tag", "hello you", "GUTEN hello"],
        ),
        ("no JSON", '{"a": "cut off… [cut, 7 characters]', ["no json", "cut off"]),
        ('"a text"', '["one", ["two", {"deep": ["three"]}]]', ["text", "one two three"]),
        ("", "[33 numbers]", ["33 numbers"]),
        ('{"tools": [{"function": {"name": "weather"}}]}', "", ["weather"]),
    ],
)
async def test_the_words_of_bodies_are_found(
    database: Database, request_body: str, answer_body: str, words: list[str]
) -> None:
    await add_request(database, 1, bodies=(request_body, answer_body))
    history = History(database)
    for each in words:
        assert await history.count(HistoryFilter(words=each)) == 1, each
    for other in ("tiny", "user", "chatcmpl", "stop", "content", "messages", "null"):
        assert await history.count(HistoryFilter(words=other)) == 0, other
    await database.execute("DELETE FROM requests")
    assert await indexed(database, words[0].split()[0]) == 0
    await database.execute("INSERT INTO request_search (request_search) VALUES ('integrity-check')")


async def test_words_that_came_with_a_copy_stay(database: Database) -> None:
    await add_request(database, 1, bodies=('{"a": "new"}', ""), searched="old")
    history = History(database)
    assert [await history.count(HistoryFilter(words=word)) for word in ("old", "new")] == [1, 0]


async def test_two_who_look_after_the_index_at_once(database: Database) -> None:
    for number in range(1, 600):
        await add_request(database, number, bodies=('{"a": "hello"}', ""))
    await asyncio.gather(*(SearchIndex(database).catch_up() for _ in range(3)))
    assert (await waiting(database), await indexed(database, "hello")) == (0, 599)
    await database.execute("INSERT INTO request_search (request_search) VALUES ('integrity-check')")
