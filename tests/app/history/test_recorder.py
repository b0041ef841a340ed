"""Records become rows; while nothing can be written they wait, and little is lost."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest

from corral.app.gateway.recording import Outcome
from corral.app.gateway.trace import Trace
from corral.app.history import recorder as recorder_module
from corral.app.history.recorder import LARGE_BYTES, MADE_AT_ONCE, QUIET, STRANGERS_PER_S, Keep, Recorder
from corral.app.store.database import Database, Statement, open_database
from corral.app.store.errors import DiskFull
from corral.app.store.history import History, HistoryFilter
from corral.app.store.search_index import STEP as INDEX_STEP
from corral.engines.events import TextDelta
from tests.app.history.records import NOW, record
from tests.app.store.files import locked
from tests.app.store.rows import UNINDEXED

ALL = HistoryFilter()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "corral.db")
    yield database
    await database.close()


class FullDisk(Database):
    """A database that can't be written while `full`."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.full = True

    async def write(self, statements: Sequence[Statement]) -> list[int]:
        if self.full:
            raise DiskFull
        return await self._inner.write(statements)

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        return await self._inner.rows(sql)


async def test_records_become_rows_texts_and_sums(database: Database) -> None:
    recorder = Recorder(database=database)
    recorder.put(record())
    recorder.put(
        record(at=NOW + 1, status=404, outcome=Outcome.REFUSED, trace=Trace(error_code="model_not_found"))
    )
    recorder.put(record(at=NOW + 2))
    await recorder.flush()
    rows = await History(database).page(ALL, offset=0, limit=10)
    assert [(row["number"], row["status"], row["who_name"]) for row in rows] == [
        (3, 200, "phone"),
        (2, 404, "phone"),
        (1, 200, "phone"),
    ]
    found = await History(database).find(rows[2]["id"])
    assert found is not None and "good morning" in found["answer_body"] and "hello" in found["request_body"]
    sums = await database.read("SELECT sum(requests), sum(refusals), sum(prompt_tokens) FROM usage")
    assert tuple(sums[0]) == (3, 1, 6)
    assert (await database.read("SELECT count(*) FROM usage"))[0][0] == 2  # two endpoints: one, and none


async def test_many_records_are_whole_whatever_their_length(database: Database) -> None:
    recorder = Recorder(database=database)
    said = ["short", "long " * (LARGE_BYTES // 4)] * 30
    for number, text in enumerate(said):
        body = orjson.dumps({"messages": [{"role": "user", "content": text}]})
        recorder.put(record(at=NOW + number, request_body=body))
    await recorder.flush()
    rows = await database.read("SELECT request_body FROM request_texts ORDER BY number")
    assert [orjson.loads(row["request_body"])["messages"][0]["content"] for row in rows] == said


async def test_numbers_go_on_after_a_restart(database: Database) -> None:
    for _ in range(2):
        recorder = Recorder(database=database)
        recorder.put(record())
        await recorder.stop()
    assert [row["number"] for row in await History(database).page(ALL, offset=0, limit=10)] == [3, 1]


async def test_a_stream_is_kept_as_its_text(database: Database) -> None:
    recorder = Recorder(database=database)
    trace = Trace(
        events=[TextDelta(index=0, text="gu"), TextDelta(index=0, text="ten Tag")], error_code="draining"
    )
    recorder.put(record(streamed=True, answer=[], trace=trace))
    recorder.put(
        record(streamed=True, answer=[b'data: {"choices":[{"index":0,"delta":{"content":"salut"}}]}\n\n'])
    )
    await recorder.flush()
    history = History(database)
    for words in ("guten", "Tag draining", "SALUT"):
        assert len(await history.page(HistoryFilter(words=words), offset=0, limit=10)) == 1


@pytest.mark.parametrize(
    ("keep", "rows", "texts"), [(Keep.FULL, 1, 1), (Keep.NUMBERS, 1, 0), (Keep.OFF, 0, 0)]
)
async def test_less_can_be_kept(database: Database, keep: Keep, rows: int, texts: int) -> None:
    recorder = Recorder(database=database, keep=keep)
    recorder.put(record())
    await recorder.flush()
    for table, count in (("requests", rows), ("request_texts", texts)):
        assert (await database.read(f"SELECT count(*) FROM {table}"))[0][0] == count


async def test_a_full_disk_pauses_and_loses_nothing(database: Database) -> None:
    disk = FullDisk(database)
    recorder = Recorder(database=disk, now=lambda: NOW)
    for number in range(3):
        recorder.put(record(at=NOW + number))
        await recorder.flush()
    status = recorder.status
    assert (status.paused, status.since, status.waiting, status.lost) == (True, NOW, 3, 0)
    assert "disk" in (status.reason or "")
    disk.full = False
    await recorder.flush()
    assert not recorder.status.paused and recorder.status.waiting == 0
    assert await History(database).count(ALL) == 3


class Busy(FullDisk):
    """Whenever something is written, another request has ended."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner)
        self.full = False
        self.written = 0
        self.recorder: Recorder

    async def write(self, statements: Sequence[Statement]) -> list[int]:
        self.written += 1
        if self.written < 50:
            self.recorder.put(record(at=NOW + self.written))
        return await super().write(statements)


async def test_what_comes_while_others_are_written_waits_for_more(database: Database) -> None:
    busy = Busy(database)
    recorder = busy.recorder = Recorder(database=busy)
    for number in range(20):
        recorder.put(record(at=NOW + number))
    await recorder.flush()
    assert (busy.written, recorder.status.waiting) == (1, 1)
    await recorder.stop()
    assert recorder.status.waiting == 0
    assert await History(database).count(ALL) == 20 + 49


async def test_small_records_become_their_rows_before_they_are_written(database: Database) -> None:
    recorder = Recorder(database=database)
    kept = [record(at=NOW + number) for number in range(MADE_AT_ONCE)]
    for each in kept:
        recorder.put(each)
    await asyncio.sleep(0)
    for each in kept:
        each.answer, each.request_body = [], b""  # nobody needs them any more
    await recorder.flush()
    rows = await History(database).page(ALL, offset=0, limit=100)
    assert len(rows) == MADE_AT_ONCE
    for row in rows:
        found = await History(database).find(row["id"])
        assert found is not None and "good morning" in found["answer_body"]


async def test_nothing_is_lost_when_the_node_stops_while_a_batch_is_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(database=database)
    large = orjson.dumps({"messages": [{"role": "user", "content": "long " * LARGE_BYTES}]})
    for number in range(3):
        recorder.put(record(at=NOW + number, request_body=large))
    making, never = asyncio.Event(), asyncio.Event()

    async def to_thread(*_: object) -> None:
        making.set()
        await never.wait()

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "to_thread", to_thread)
        flushing = asyncio.create_task(recorder.flush())
        await making.wait()
        flushing.cancel()
        await asyncio.wait([flushing])
    assert recorder.status.waiting == 3
    await recorder.stop()
    rows = await database.read("SELECT started_at FROM requests ORDER BY number")
    assert [row["started_at"] for row in rows] == [NOW, NOW + 1, NOW + 2]


async def test_a_flush_that_is_cancelled_while_it_writes_is_not_written_twice(
    database: Database, tmp_path: Path
) -> None:
    recorder = Recorder(database=database)
    recorder.put(record())
    with locked(tmp_path / "corral.db"):
        flushing = asyncio.create_task(recorder.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        recorder.put(record(at=NOW + 1))
    await asyncio.wait([flushing])
    assert flushing.cancelled()
    await recorder.stop()
    assert not recorder.status.paused and not recorder.status.waiting
    rows = await database.read("SELECT started_at FROM requests ORDER BY number")
    assert [row["started_at"] for row in rows] == [NOW, NOW + 1]


async def test_what_waits_is_bounded(database: Database) -> None:
    disk = FullDisk(database)
    recorder = Recorder(database=disk, most_records=5, most_bytes=1000)
    for number in range(8):
        recorder.put(record(at=NOW + number))
    assert (recorder.status.waiting, recorder.status.lost) == (5, 3)
    recorder.put(record(request_body=b"x" * 2000))
    disk.full = False
    await recorder.flush()
    history = History(database)
    rows = await history.page(ALL, offset=0, limit=10)
    assert [row["started_at"] - NOW for row in rows] == [7, 6, 5, 4, 0]
    last = await history.find(rows[-1]["id"])
    assert last is not None and last["request_body"] == ""


async def test_large_records_that_wait_are_bounded_too(database: Database) -> None:
    disk = FullDisk(database)
    recorder = Recorder(database=disk, most_records=3)
    large = b'"' + b"long " * LARGE_BYTES + b'"'
    for number in range(6):
        recorder.put(record(at=NOW + number, request_body=large if number != 3 else b"small"))
    assert (recorder.status.waiting, recorder.status.lost) == (3, 3)
    disk.full = False
    await recorder.flush()
    rows = await History(database).page(ALL, offset=0, limit=10)
    assert [row["started_at"] - NOW for row in rows] == [5, 4, 3]


async def test_strangers_can_not_flood_the_history(database: Database) -> None:
    recorder = Recorder(database=database)
    for number in range(100):
        recorder.put(
            record(at=NOW + number / 1000, who=None, status=401, outcome=Outcome.REFUSED, request_body=b"")
        )
    recorder.put(record(at=NOW + 5, who=None, status=401, outcome=Outcome.REFUSED, request_body=b""))
    await recorder.flush()
    assert await History(database).count(ALL) == STRANGERS_PER_S + 1
    assert (await database.read("SELECT sum(requests) FROM usage"))[0][0] == 101


async def unindexed(database: Database) -> int:
    return int((await database.read(UNINDEXED))[0][0])


def put_many(recorder: Recorder, count: int) -> None:
    for number in range(count):
        recorder.put(record(at=NOW + number))


async def test_the_search_index_waits_while_many_records_come(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FLUSH_S", 0.01)
    recorder = Recorder(database=database)
    put_many(recorder, QUIET + 1)
    running = asyncio.create_task(recorder.run())
    await until_rows(database, QUIET + 1)
    put_many(recorder, 5)
    await until_rows(database, QUIET + 6)
    await until(database, 0, UNINDEXED)
    running.cancel()
    await asyncio.wait([running])
    await database.execute("INSERT INTO request_search (request_search) VALUES ('integrity-check')")


async def test_under_load_nothing_is_taken_into_the_index_until_too_much_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(database=database)
    put_many(recorder, 600)
    assert await recorder.flush() == 600
    await recorder._look_after_index(600)
    assert await unindexed(database) == 600
    monkeypatch.setattr(recorder_module, "MOST_UNINDEXED", 500)
    put_many(recorder, 300)
    await recorder._look_after_index(await recorder.flush())
    assert await unindexed(database) == 900 - 2 * INDEX_STEP
    await recorder._look_after_index(0)
    assert await unindexed(database) == 0


async def test_what_waited_for_the_index_when_the_node_stopped_is_taken_in_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(database=database)
    put_many(recorder, 3)
    await recorder.stop()
    assert await unindexed(database) == 3
    monkeypatch.setattr(recorder_module, "FLUSH_S", 0.01)
    running = asyncio.create_task(Recorder(database=database).run())
    await until(database, 0, UNINDEXED)
    running.cancel()
    await asyncio.wait([running])


async def test_an_index_that_can_not_be_written_stops_no_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FLUSH_S", 0.01)
    await database.execute("DROP TABLE request_search")
    recorder = Recorder(database=database)
    running = asyncio.create_task(recorder.run())
    for count in (1, 2, 3):
        put_many(recorder, 1)
        await until_rows(database, count)
    assert not recorder.status.paused
    running.cancel()
    await asyncio.wait([running])


async def until_rows(database: Database, count: int) -> None:
    await until(database, count, "SELECT count(*) FROM requests")


async def until(database: Database, count: int, query: str) -> None:
    for _ in range(3000):
        if (await database.read(query))[0][0] == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never {count} of {query}")
