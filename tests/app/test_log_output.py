"""The file output: days, parts, deleted files, torn lines, a disk that takes nothing."""

import io
import logging
import os
import resource
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corral.app.log_files import LogLimits
from corral.app.log_output import LogFileOutput, TerminalOutput

LIMITS = LogLimits(retention_days=30, max_bytes=100_000)  # 10,000 bytes a file
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400.0


class Output:
    """A LogFileOutput with what it complained about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complaints: list[str] = []
        self.handler = LogFileOutput(folder, LIMITS, self.complaints.append)

    def __call__(self, text: str, *, at: float = NOON) -> None:
        self.handler.emit(logging.makeLogRecord({"name": "test", "msg": text, "created": at}))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def lines(self, name: str = "corral-2026-01-31.log") -> list[str]:
        return (self.folder / name).read_text().splitlines()


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    made = Output(tmp_path)
    yield made
    made.handler.close()


def test_each_day_has_its_file(output: Output) -> None:
    output("one")
    output("two", at=NOON + DAY_S)
    assert output.names() == ["corral-2026-01-31.log", "corral-2026-02-01.log"]
    assert output.lines() == ["one"]


def test_a_full_file_is_followed_by_another(output: Output) -> None:
    for _ in range(3):
        output("x" * 9_990)
        output("y" * 10)
    assert output.names() == [
        "corral-2026-01-31.1.log",
        "corral-2026-01-31.2.log",
        "corral-2026-01-31.log",
    ]
    assert [output.lines(name)[-1] for name in output.names()] == ["y" * 10] * 3


def test_it_goes_on_where_another_run_stopped(output: Output, tmp_path: Path) -> None:
    (tmp_path / "corral-2026-01-31.log").write_text("x" * 10_000)
    (tmp_path / "corral-2026-01-31.1.log").write_text("first\n")
    output("second")
    assert output.lines("corral-2026-01-31.1.log") == ["first", "second"]


def test_all_files_together_stay_below_the_limit(output: Output) -> None:
    for number in range(40):
        output(f"{number} " + "x" * 9_998)
    assert sum(path.stat().st_size for path in output.folder.iterdir()) <= LIMITS.max_bytes + 10_001
    newest = max(
        output.names(), key=lambda name: int(name.split(".")[-2].split("-")[-1]) if name.count(".") > 1 else 0
    )
    assert output.lines(newest)[-1].startswith("39 ")
    assert "corral-2026-01-31.log" not in output.names()


def test_a_torn_last_line_is_ended_first(output: Output, tmp_path: Path) -> None:
    (tmp_path / "corral-2026-01-31.log").write_text('{"event":"cut o')
    output("whole")
    assert output.lines() == ['{"event":"cut o', "whole"]


def test_a_deleted_file_is_made_again(output: Output) -> None:
    output("one")
    (output.folder / "corral-2026-01-31.log").unlink()
    output("two")
    assert output.lines() == ["two"]


def test_only_the_owner_can_read_it(output: Output) -> None:
    output("one")
    assert (output.folder / "corral-2026-01-31.log").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_complained_about_once_a_minute_and_lost_entries_are_counted(output: Output) -> None:
    """A limit on the size of files stands in for the disk: the system refuses to write in the same places."""
    output("first")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        for second in range(50):
            output(f"lost {second}", at=NOON + second)
        assert len(output.complaints) == 1 and "can't be written" in output.complaints[0]
        output("lost", at=NOON + 61)
        assert len(output.complaints) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    output("again", at=NOON + 70)
    assert output.lines() == ["first", "lost", "again", "51 log entries were lost: they could not be written"]


def test_a_folder_that_went_away_is_no_error(output: Output, tmp_path: Path) -> None:
    output("one")
    (tmp_path / "corral-2026-01-31.log").unlink()
    away = tmp_path.rename(tmp_path.with_name("away"))
    output("two")
    assert len(output.complaints) == 1
    away.rename(tmp_path)
    output("three", at=NOON + 1)
    assert output.lines() == ["three", "1 log entries were lost: they could not be written"]


def test_a_terminal_that_is_gone_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(io.FileIO(writing, "w"), write_through=True) as terminal:
        TerminalOutput(terminal).handle(logging.makeLogRecord({"msg": "unheard"}))
    assert capfd.readouterr() == ("", "")
