"""Where log entries go: a file per day and size, and the terminal. Nothing here raises or complains without end."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from corral.app.log_files import LogLimits, LogName, list_files, remove_surplus

Complain = Callable[[str], None]
_PRIVATE = 0o600
_COMPLAINT_EVERY_S = 60.0
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class LogFileOutput(logging.Handler):
    """Appends to the file of the entry's day. What can't be written is counted, and told once it can be again."""

    def __init__(self, folder: Path, limits: LogLimits, complain: Complain) -> None:
        """`complain` hears once that nothing can be written, until something could be."""
        super().__init__()
        self._folder = folder
        self._limits = limits
        self._complain = complain
        self._name: LogName | None = None
        self._file: int | None = None
        self._size_bytes = 0
        self._torn = False  # the last line was written in part
        self._dropped = 0
        self._complained_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        day = datetime.fromtimestamp(record.created, UTC)
        try:
            line = self.format(record).encode("utf-8", "replace")
            self._write(line, day)
        except OSError as error:
            self._dropped += 1
            self._say(
                f"the log can't be written to {self._folder}: {error.strerror or error}", at=record.created
            )
        except Exception as error:  # noqa: BLE001 - an entry that can't be shown must not end the log's thread
            self._say(
                f"a log entry of {record.name} can't be written ({type(error).__name__})", at=record.created
            )
        else:
            self._tell_dropped(record.created)

    def close(self) -> None:
        self._let_go()
        super().close()

    def _write(self, line: bytes, at: datetime) -> None:
        file = self._file_for(at)
        data = (b"\n" if self._torn else b"") + line + b"\n"
        written = os.write(file, data)
        self._size_bytes += written
        self._torn = data[:written][-1:] != b"\n"
        if written < len(data):
            raise OSError("the disk is full")

    def _file_for(self, at: datetime) -> int:
        name = self._name
        if self._file is not None and name is not None:
            fits = name.day == at.date() and self._size_bytes < self._limits.part_bytes
            if fits and os.fstat(self._file).st_nlink:  # else somebody deleted it
                return self._file
            self._let_go()
        return self._open(at)

    def _open(self, at: datetime) -> int:
        """The newest file of the day, or the next one if that is full."""
        newest = max(
            (file for file in list_files(self._folder) if file.name.day == at.date()),
            key=lambda file: file.name,
            default=None,
        )
        name = LogName(at.date()) if newest is None else newest.name
        if newest is not None and newest.size_bytes >= self._limits.part_bytes:
            name = newest.name.next
        self._file = os.open(self._folder / name.file_name, _FLAGS, _PRIVATE)
        self._name = name
        self._size_bytes = os.fstat(self._file).st_size
        self._torn = self._size_bytes > 0 and not _ends_with_newline(self._folder / name.file_name)
        remove_surplus(self._folder, self._limits, now=at)
        return self._file

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _say(self, text: str, *, at: float) -> None:
        if at - self._complained_at >= _COMPLAINT_EVERY_S:
            self._complained_at = at
            self._complain(text)

    def _tell_dropped(self, at: float) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self.emit(_note(f"{dropped} log entries were lost: they could not be written", at=at))
        if self._dropped:  # nor could this one
            self._dropped = dropped


class TerminalOutput(logging.StreamHandler[TextIO]):
    """Readable text; a terminal that is gone is none of the log's business."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: where should it be said?"""


def _note(text: str, *, at: float) -> logging.LogRecord:
    level = logging.WARNING
    return logging.makeLogRecord(
        {
            "name": __name__,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": text,
            "created": at,
        }
    )


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
