"""Reading the log files: the newest entries, from the end of the files, and then those that come. Blocks."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from corral.app.log_files import LogName, list_files

Entry = Mapping[str, Any]

SCANNED_BYTES = 64 * 1024 * 1024  # a filter that nearly nothing passes gives up after so much
_BLOCK_BYTES = 64 * 1024
_LINE_BYTES = 1024 * 1024  # a longer line is no entry
_LATE = 100  # entries that may stand before older ones
_WEIGHTS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries to show: of `level` and above, of one request, not before a time. None: all."""

    level: str | None = None
    request_id: str | None = None
    since: str | None = None  # as `timestamp_of` writes it

    def passes(self, entry: Entry) -> bool:
        if self.request_id is not None and entry.get("request_id") != self.request_id:
            return False
        if self.is_over(entry):
            return False
        if self.level is None:
            return True
        return _WEIGHTS.get(str(entry.get("level")), 0) >= _WEIGHTS[self.level]

    def is_over(self, entry: Entry) -> bool:
        """Whether an entry is from before the time, and so are those before it, but for some that threads wrote late."""
        return self.since is not None and str(entry.get("timestamp", self.since)) < self.since


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log: `offset` bytes into a file. Without a name: before everything."""

    name: LogName | None = None
    offset: int = 0


ALL = Wanted()


def timestamp_of(unix_s: float) -> str:
    """Unix time in seconds as entries write it, to compare it with theirs."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_entry(line: bytes) -> Entry | None:
    """The entry of a line; None for a torn or foreign one."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


def end_of(folder: Path) -> Position:
    """After the last whole line."""
    files = list_files(folder)
    if not files:
        return Position()
    name = files[-1].name
    try:
        with (folder / name.file_name).open("rb") as file:
            return Position(name, _after_last_newline(file, file.seek(0, os.SEEK_END)))
    except FileNotFoundError:  # deleted meanwhile
        return Position(name)


def newest(
    folder: Path, limit: int, wanted: Wanted = ALL, *, end: Position | None = None, scan: int = SCANNED_BYTES
) -> list[Entry]:
    """The newest `limit` entries before `end`, newest last. Looks at no more than `scan` bytes."""
    end = end_of(folder) if end is None else end
    found: deque[Entry] = deque()
    over = 0
    for line in _lines_backwards(folder, end, scan):
        if len(found) >= limit or over > _LATE:
            break
        entry = parse_entry(line)
        if entry is not None and wanted.passes(entry):
            found.appendleft(entry)
        over += entry is not None and wanted.is_over(entry)
    return list(found)


class Follower:
    """New entries as they come, over midnight and full files."""

    def __init__(self, folder: Path, position: Position, wanted: Wanted = ALL) -> None:
        """Begins after `position`."""
        self._folder = folder
        self._position = position
        self._wanted = wanted

    def read(self) -> list[Entry]:
        """What came since the last time; empty if nothing did. A line that isn't whole yet comes later."""
        found: list[Entry] = []
        for file in list_files(self._folder):
            before = self._position.name
            if before is not None and file.name < before:
                continue
            if file.name != before or file.size_bytes < self._position.offset:  # emptied by somebody
                self._position = Position(file.name)
            found += self._read_on(file.name)
        return found

    def _read_on(self, name: LogName) -> Iterator[Entry]:
        try:
            with (self._folder / name.file_name).open("rb") as file:
                file.seek(self._position.offset)
                while (line := file.readline(_LINE_BYTES)).endswith(b"\n") or len(line) == _LINE_BYTES:
                    self._position = Position(name, self._position.offset + len(line))
                    entry = parse_entry(line)
                    if entry is not None and self._wanted.passes(entry):
                        yield entry
        except FileNotFoundError:  # deleted meanwhile
            return


def _lines_backwards(folder: Path, end: Position, scan: int) -> Iterator[bytes]:
    for log in reversed(list_files(folder)):
        if end.name is None or log.name > end.name or scan <= 0:
            continue
        offset = end.offset if log.name == end.name else log.size_bytes
        try:
            with (folder / log.name.file_name).open("rb") as file:
                yield from _file_backwards(file, offset, offset - scan)
        except FileNotFoundError:  # deleted meanwhile
            continue
        scan -= offset


def _file_backwards(file: BinaryIO, end: int, start: int) -> Iterator[bytes]:
    """Lines between the offsets, the last one first. No more than a block and a line are in memory."""
    rest: bytes | None = b""  # the end of a line whose beginning isn't read yet; None: it is too long
    while end > max(0, start):
        begin = max(0, end - _BLOCK_BYTES)
        file.seek(begin)
        first, *others = file.read(end - begin).split(b"\n")
        end = begin
        if others:
            if rest is not None:
                others[-1] += rest
            else:
                others.pop()
            rest = b""
            yield from (line for line in reversed(others) if line)
        rest = None if rest is None or len(first) + len(rest) > _LINE_BYTES else first + rest
    if end == 0 and rest:
        yield rest


def _after_last_newline(file: BinaryIO, end: int) -> int:
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
