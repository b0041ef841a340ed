"""The history that an earlier program left as a JSON file."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from corral.app.history.legacy_history import BrokenHistory, LegacyHistory, entries
from corral.app.history.recorder import Recorder
from corral.app.store.database import Database, open_database
from corral.app.store.history import History, HistoryFilter
from tests.app.history.test_recorder import FullDisk

ALL = HistoryFilter()
LONG_AGO = 0.0


def entry(number: int, **changes: Any) -> dict[str, Any]:
    usual = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "timestamp": "2026-11-20T10:00:00.123456789Z",
        "request_type": "chat",
        "model": "gpt-oss-20b",
        "node_id": "n",
        "agent_machine_name": "alpha",
        "agent_ip": "192.168.1.100",
        "client_ip": "192.168.1.7",
        "request_body": {"messages": [{"role": "user", "content": f"question {number}"}]},
        "response_body": {"choices": [{"message": {"content": "good morning"}}]},
        "duration_ms": 1500,
        "status": {"type": "success"},
        "completed_at": "2026-11-20T10:00:01.5Z",
    }
    return usual | changes


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "corral.db")
    yield database
    await database.close()


def legacy(folder: Path, database: Database, text: str) -> tuple[Path, LegacyHistory]:
    path = folder / "request_history.json"
    path.write_text(text)
    return path, LegacyHistory(
        path, recorder=Recorder(database=database, retry_s=0.01), history=History(database)
    )


async def test_it_is_taken_over_once(tmp_path: Path, database: Database) -> None:
    wanted = [entry(number) for number in range(450)]
    wanted.append(
        entry(450, status={"type": "error", "message": "no"}, response_body=None, request_type="generate")
    )
    wanted.append(entry(451, timestamp="2020-01-01T00:00:00Z"))
    path, history = legacy(tmp_path, database, json.dumps(wanted, indent=2))
    await history.take_over(not_before=1_600_000_000.0)
    assert not path.exists() and (tmp_path / "request_history.json.migrated").is_file()
    assert await History(database).count(ALL) == 451
    found = await History(database).find(wanted[0]["id"])
    assert found is not None
    assert (found["model"], found["node_name"], found["address"]) == ("gpt-oss-20b", "alpha", "192.168.1.7")
    assert (found["duration_s"], found["outcome"], found["path"]) == (1.5, "ok", "/v1/chat/completions")
    assert "question 0" in found["request_body"] and "good morning" in found["answer_body"]
    failed = await History(database).find(wanted[450]["id"])
    assert failed is not None
    assert (failed["status"], failed["outcome"], failed["path"]) == (502, "failed", "/v1/completions")
    await history.take_over(not_before=LONG_AGO)  # there is none any more
    path.write_text(json.dumps(wanted[:3]))
    await history.take_over(not_before=LONG_AGO)  # what is known is not doubled
    assert await History(database).count(ALL) == 451


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[5]",
        "[" + json.dumps(entry(1)),
        json.dumps([entry(1)])[:-20] + "]",
        json.dumps([entry(1)]) + "x",
        json.dumps([entry(1), entry(2, timestamp="yesterday")]),
        json.dumps([entry(1, duration_ms=None)]),
        "[" + json.dumps(entry(1)) + " " + json.dumps(entry(2)) + "]",
        '[{"a":' + "[" * 100_000,
    ],
)
async def test_a_broken_file_is_left_as_it_is(tmp_path: Path, database: Database, text: str) -> None:
    path, history = legacy(tmp_path, database, text)
    await history.take_over(not_before=LONG_AGO)
    assert path.read_text() == text and await History(database).count(ALL) == 0


async def test_it_waits_while_nothing_can_be_written(tmp_path: Path, database: Database) -> None:
    disk = FullDisk(database)
    path, _ = legacy(tmp_path, database, json.dumps([entry(1)]))
    recorder = Recorder(database=disk)
    await LegacyHistory(path, recorder=recorder, history=History(database)).take_over(not_before=LONG_AGO)
    assert path.is_file()
    disk.full = False
    await recorder.stop()


def test_a_list_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(" [ ] ")
    assert list(entries(path)) == []
    long = {"text": "\u00e9\u4e2d" * 200_000, "more": {"deep": [1, 2, {"x": "]},"}]}}
    path.write_text(json.dumps([long, {"n": 1}], ensure_ascii=False), encoding="utf-8")
    assert list(entries(path)) == [long, {"n": 1}]
    path.write_bytes(b'[{"a":"\xff"}]')
    with pytest.raises(BrokenHistory, match="UTF-8"):
        list(entries(path))
