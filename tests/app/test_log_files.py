"""Names of log files, and which of them go."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from corral.app.log_files import (
    LogFile,
    LogLimits,
    LogName,
    list_files,
    parse_name,
    remove_surplus,
    surplus,
)

DAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("corral-2026-01-31.log", LogName(DAY)),
        ("corral-2026-01-31.1.log", LogName(DAY, 1)),
        ("corral-2026-01-31.12.log", LogName(DAY, 12)),
        ("corral-2026-01-31.0.log", None),
        ("corral-2026-01-31.01.log", None),
        ("corral-2024-02-31.log", None),
        ("corral.log", None),
        ("corral-2026-01-31.log.gz", None),
        ("xcorral-2026-01-31.log", None),
    ],
)
def test_names(text: str, name: LogName | None) -> None:
    assert parse_name(text) == name
    assert name is None or name.file_name == text


def test_order_is_that_of_time() -> None:
    newest, *older = LogName(date(2026, 2, 1)), LogName(DAY, 10), LogName(DAY, 2), LogName(DAY)
    assert sorted([newest, *older]) == [*older[::-1], newest]
    assert LogName(DAY).next.next == LogName(DAY, 2)


@pytest.mark.parametrize(
    ("files", "gone"),
    [
        ([], []),
        ([("2026-01-31", 0, 999)], []),  # the newest stays, however large
        ([("2026-01-29", 0, 1), ("2026-01-30", 0, 1)], [("2026-01-29", 0)]),
        ([("2026-01-30", 0, 60), ("2026-01-31", 0, 30), ("2026-01-31", 1, 10)], []),
        (
            [("2026-01-30", 0, 61), ("2026-01-31", 0, 30), ("2026-01-31", 1, 10)],
            [("2026-01-30", 0)],
        ),
        (  # what is older than the first that doesn't fit goes too
            [("2026-01-30", 0, 1), ("2026-01-31", 0, 95), ("2026-01-31", 1, 10)],
            [("2026-01-31", 0), ("2026-01-30", 0)],
        ),
        ([("2026-01-20", 0, 1)], [("2026-01-20", 0)]),
    ],
)
def test_surplus(files: list[tuple[str, int, int]], gone: list[tuple[str, int]]) -> None:
    there = [LogFile(LogName(date.fromisoformat(day), part), size) for day, part, size in files]
    found = surplus(there, LogLimits(retention_days=2, max_bytes=100), today=DAY)
    assert [(name.day.isoformat(), name.part) for name in found] == gone


@pytest.mark.parametrize(("max_bytes", "part"), [(500_000_000, 50_000_000), (100, 4096)])
def test_size_of_a_part(max_bytes: int, part: int) -> None:
    assert LogLimits(retention_days=1, max_bytes=max_bytes).part_bytes == part


def test_only_log_files_are_listed_and_removed(tmp_path: Path) -> None:
    for name in ("corral-2026-01-01.log", "corral-2026-01-31.1.log", "other.log"):
        (tmp_path / name).write_text(name)
    (tmp_path / "corral-2026-01-30.log").mkdir()
    assert [file.name for file in list_files(tmp_path)] == [LogName(date(2026, 1, 1)), LogName(DAY, 1)]
    remove_surplus(
        tmp_path, LogLimits(retention_days=7, max_bytes=100), now=datetime(2026, 1, 31, tzinfo=UTC)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "corral-2026-01-30.log",
        "corral-2026-01-31.1.log",
        "other.log",
    ]


def test_no_folder_has_no_files(tmp_path: Path) -> None:
    assert list_files(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    assert list_files(tmp_path / "file") == []
