"""Logs: JSON lines in a file per day, readable text on the terminal; secrets are masked in both.

Entries of the standard library's loggers (the HTTP server's) take the same way. Files are written by a thread.
"""

import logging
import logging.handlers
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter

from corral.app.secrets_mask import masked

_STEM = "corral"
_NAME = re.compile(rf"{_STEM}-(\d{{4}}-\d{{2}}-\d{{2}})\.log")
_QUIET = ("asyncio", "aiosqlite", "httpx", "httpcore", "hypercorn.error")  # only from warnings upwards

_Entry = MutableMapping[str, Any]


class Logs:
    """The log of this process, from `open` to `close`."""

    def __init__(
        self, *, folder: Path, level: str, retention_days: int, terminal: TextIO | None = None
    ) -> None:
        self._folder = folder
        self._level = getattr(logging, level.upper())
        self._retention_days = retention_days
        self._terminal = terminal or sys.stderr
        self._listener: logging.handlers.QueueListener | None = None

    def open(self, *, now: datetime) -> None:
        """Take over what this process logs. Raises OSError if the folder can't be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.remove_old(now=now)
        outputs = (_file_output(self._folder), _terminal_output(self._terminal))
        queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
        self._listener = logging.handlers.QueueListener(queue, *outputs)
        self._listener.start()
        root = logging.getLogger()
        self._before = (root.handlers, root.level)
        root.handlers = [_ToQueue(queue)]
        root.setLevel(self._level)
        for name in _QUIET:
            logging.getLogger(name).setLevel(max(self._level, logging.WARNING))
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def close(self) -> None:
        """Write what is left, and let go."""
        if self._listener is None:
            return
        root = logging.getLogger()
        root.handlers, root.level = self._before
        self._listener.stop()
        for output in self._listener.handlers:
            output.close()
        self._listener = None
        structlog.reset_defaults()

    def remove_old(self, *, now: datetime) -> None:
        """Delete the files of days before the retention time."""
        for path in self._folder.glob(f"{_STEM}-*.log"):
            day = day_of(path.name)
            if day is not None and day <= now.date() - timedelta(days=self._retention_days):
                path.unlink(missing_ok=True)


def file_name(day: date) -> str:
    """The log file of a day (UTC)."""
    return f"{_STEM}-{day.isoformat()}.log"


def day_of(name: str) -> date | None:
    """The day of a log file; None if it isn't one."""
    match = _NAME.fullmatch(name)
    try:
        return None if match is None else date.fromisoformat(match.group(1))
    except ValueError:
        return None


class _ToQueue(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: the outputs format it, each in its way."""
        return record


class _DailyFile(logging.Handler):
    """Appends to the file of the entry's day."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._day: date | None = None
        self._file: TextIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            file = self._file_of(datetime.fromtimestamp(record.created, UTC).date())
            file.write(self.format(record) + "\n")
            file.flush()
        except OSError:
            self.handleError(record)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()

    def _file_of(self, day: date) -> TextIO:
        if self._file is None or day != self._day:
            if self._file is not None:
                self._file.close()
            self._file = (self._folder / file_name(day)).open("a", encoding="utf-8")
            self._day = day
        return self._file


def _mask(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    inner = {name: value for name, value in entry.items() if name.startswith("_")}  # the formatter's own
    visible = {name: value for name, value in entry.items() if not name.startswith("_")}
    return {**masked(visible), **inner}


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _mask,
]


def _file_output(folder: Path) -> logging.Handler:
    output = _DailyFile(folder)
    output.setFormatter(_formatter(lambda _logger, _method, entry: orjson.dumps(entry).decode()))
    return output


def _terminal_output(terminal: TextIO) -> logging.Handler:
    output = logging.StreamHandler(terminal)
    renderer = structlog.dev.ConsoleRenderer(
        colors=terminal.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    output.setFormatter(_formatter(renderer))
    return output


def _formatter(renderer: Any) -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=_SHARED, processors=[ProcessorFormatter.remove_processors_meta, renderer]
    )
