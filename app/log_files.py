"""The log files of a folder: their names and order, and which of them have to go.

A day (UTC) has one file, `corral-2026-01-31.log`; when that is full, another: `corral-2026-01-31.1.log`, and so on.
"""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_STEM = "corral"
_NAME = re.compile(rf"{_STEM}-(\d{{4}}-\d{{2}}-\d{{2}})(?:\.([1-9]\d{{0,5}}))?\.log")
_PARTS = 10  # files that the size of all allows
_LEAST_PART_BYTES = 4096


@dataclass(frozen=True, slots=True, order=True)
class LogName:
    """A log file's place in time: later is greater."""

    day: date
    part: int = 0

    @property
    def file_name(self) -> str:
        number = f".{self.part}" if self.part else ""
        return f"{_STEM}-{self.day.isoformat()}{number}.log"

    @property
    def next(self) -> "LogName":
        """The next part of the same day."""
        return LogName(self.day, self.part + 1)


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file as it lies in the folder."""

    name: LogName
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """How much log is kept."""

    retention_days: int
    max_bytes: int

    @property
    def part_bytes(self) -> int:
        """A file that has reached this size is followed by another."""
        return max(_LEAST_PART_BYTES, self.max_bytes // _PARTS)


def parse_name(text: str) -> LogName | None:
    """The place of the file with this name; None if it is no log file."""
    match = _NAME.fullmatch(text)
    try:
        return None if match is None else LogName(date.fromisoformat(match[1]), int(match[2] or 0))
    except ValueError:
        return None


def list_files(folder: Path) -> list[LogFile]:
    """The log files in a folder, oldest first; none if there is no such folder."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in sorted(filter(None, map(parse_name, names))):
        try:
            status = (folder / name.file_name).stat()
        except FileNotFoundError:  # deleted meanwhile
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(LogFile(name, status.st_size))
    return found


def surplus(files: Iterable[LogFile], limits: LogLimits, *, today: date) -> list[LogName]:
    """Those to delete: of days before the retention time, and the oldest until the rest fits; the newest always does."""
    last_day = today - timedelta(days=limits.retention_days)
    room = limits.max_bytes
    gone = []
    for position, file in enumerate(sorted(files, key=lambda file: file.name, reverse=True)):
        room -= file.size_bytes
        if file.name.day <= last_day or (room < 0 and position > 0):
            gone.append(file.name)
    return gone


def remove_surplus(folder: Path, limits: LogLimits, *, now: datetime) -> None:
    """Delete what is too old or too much. Raises OSError."""
    for name in surplus(list_files(folder), limits, today=now.astimezone(UTC).date()):
        (folder / name.file_name).unlink(missing_ok=True)
