"""Reading log files from their end, and following them."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from corral.app.log_files import LogName
from corral.app.log_reader import (
    Entry,
    Follower,
    Position,
    Wanted,
    end_of,
    newest,
    parse_entry,
    timestamp_of,
)

DAY = LogName(date(2026, 1, 31))
NEXT = LogName(date(2026, 2, 1))


def line(number: int, *, text: str = "", level: str = "info", **more: str) -> str:
    return json.dumps({"event": f"{number}{text}", "level": level, **more}) + "\n"


def write(folder: Path, name: LogName, *texts: str) -> None:
    with (folder / name.file_name).open("a", encoding="utf-8") as file:
        file.writelines(texts)


def events(entries: Sequence[Entry]) -> list[str]:
    return [entry["event"] for entry in entries]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (b'{"event":"a"}', {"event": "a"}),
        (b'{"event":"a"}\n', {"event": "a"}),
        (b'{"event":"a', None),
        (b"Traceback", None),
        (b'["event"]', None),
        (b'{"other":1}', None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_parsing(text: bytes, entry: object) -> None:
    assert parse_entry(text) == entry


@pytest.mark.parametrize(
    ("wanted", "entry", "passes"),
    [
        (Wanted(), {}, True),
        (Wanted(level="warning"), {"level": "info"}, False),
        (Wanted(since=timestamp_of(1.5)), {"timestamp": "1970-01-01T00:00:01.499999Z"}, False),
        (Wanted(since=timestamp_of(1.5)), {"timestamp": "1970-01-01T00:00:01.500000Z"}, True),
        (Wanted(since=timestamp_of(1.5)), {}, True),
        (Wanted(level="warning"), {"level": "warning"}, True),
        (Wanted(level="warning"), {"level": "critical"}, True),
        (Wanted(level="debug"), {"level": "odd"}, False),
        (Wanted(request_id="a"), {"request_id": "a"}, True),
        (Wanted(request_id="a"), {"request_id": "b"}, False),
        (Wanted(request_id="a"), {}, False),
    ],
)
def test_filter(wanted: Wanted, entry: Entry, passes: bool) -> None:
    assert wanted.passes(entry) is passes


def test_the_newest_come_last_over_several_files(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1), line(2))
    write(tmp_path, DAY.next, line(3))
    write(tmp_path, NEXT, line(4), line(5))
    assert events(newest(tmp_path, 4)) == ["2", "3", "4", "5"]
    assert events(newest(tmp_path, 100)) == ["1", "2", "3", "4", "5"]
    assert newest(tmp_path / "nowhere", 5) == []


@pytest.mark.parametrize("length", [10, 1000, 65_000, 65_536, 70_000, 200_000])
def test_lines_of_any_length_come_whole(tmp_path: Path, length: int) -> None:
    write(tmp_path, DAY, *(line(number, text="x" * length) for number in range(9)))
    assert events(newest(tmp_path, 7)) == [f"{number}{'x' * length}" for number in range(2, 9)]


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1), line(2, text="x" * 2_000_000), line(3))
    assert events(newest(tmp_path, 5)) == ["1", "3"]


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1), '{"event":"to\n', "\n", "foreign\n", line(2), '{"event":"half')
    assert events(newest(tmp_path, 5)) == ["1", "2"]


def test_filters_look_further_back(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1, level="error", request_id="a"), *(line(number) for number in range(2, 900)))
    write(tmp_path, NEXT, line(900, level="warning"))
    assert events(newest(tmp_path, 2, Wanted(level="warning"))) == ["1", "900"]
    assert events(newest(tmp_path, 2, Wanted(request_id="a"))) == ["1"]


def test_the_look_back_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1, level="error"), *(line(number) for number in range(2, 5000)))
    assert newest(tmp_path, 1, Wanted(level="error"), scan=70_000) == []


def test_following_sees_every_entry_once(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1), line(2)[:5])
    follower = Follower(tmp_path, end_of(tmp_path))
    assert follower.read() == []
    write(tmp_path, DAY, line(2)[5:], line(3))
    assert events(follower.read()) == ["2", "3"]
    write(tmp_path, DAY, line(4))
    write(tmp_path, DAY.next, line(5))
    write(tmp_path, NEXT, line(6), "torn\n", line(7))
    assert events(follower.read()) == ["4", "5", "6", "7"]
    assert follower.read() == []
    write(tmp_path, NEXT.next, line(8))
    assert events(follower.read()) == ["8"]


def test_what_newest_and_the_follower_show_fits_together(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1))
    end = end_of(tmp_path)
    write(tmp_path, DAY, line(2))
    write(tmp_path, NEXT, line(3))
    assert events(newest(tmp_path, 9, end=end)) == ["1"]
    assert events(Follower(tmp_path, end).read()) == ["2", "3"]


def test_following_begins_before_there_is_a_file(tmp_path: Path) -> None:
    assert end_of(tmp_path) == Position()
    follower = Follower(tmp_path, Position(), Wanted(level="error"))
    assert follower.read() == []
    write(tmp_path, DAY, line(1), line(2, level="error"))
    assert events(follower.read()) == ["2"]


def test_following_survives_files_that_are_emptied_or_deleted(tmp_path: Path) -> None:
    write(tmp_path, DAY, line(1), line(2))
    follower = Follower(tmp_path, end_of(tmp_path))
    (tmp_path / DAY.file_name).write_text(line(3))
    assert events(follower.read()) == ["3"]
    (tmp_path / DAY.file_name).unlink()
    assert follower.read() == []
    write(tmp_path, NEXT, line(4))
    assert events(follower.read()) == ["4"]


def test_following_passes_a_line_that_is_too_long(tmp_path: Path) -> None:
    follower = Follower(tmp_path, Position())
    write(tmp_path, DAY, line(1, text="x" * 3_000_000), line(2))
    assert events(follower.read()) == ["2"]


def test_what_came_since_a_time(tmp_path: Path) -> None:
    """Reads no more of the log than that, and a little, as threads write entries late."""
    times = [timestamp_of(float(second)) for second in range(1000)]
    late = line(1000, timestamp=timestamp_of(2000.0))
    write(tmp_path, DAY, *(line(at, timestamp=times[at]) for at in range(990)), late)
    write(tmp_path, DAY, *(line(at, timestamp=times[at]) for at in range(990, 1000)))
    found = newest(tmp_path, 500, Wanted(since=timestamp_of(995.0)))
    assert [entry["event"] for entry in found] == ["1000", "995", "996", "997", "998", "999"]
