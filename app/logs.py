"""Logs: JSON lines in files, readable text on the terminal; secrets are masked in both.

Entries of the standard library's loggers (the HTTP server's) take the same way. A thread writes; what was bound with
structlog's contextvars where the entry was made (`request_id`) stands in both kinds.
"""

import json
import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter

from corral.app.log_files import LogLimits, remove_surplus
from corral.app.log_output import LogFileOutput, TerminalOutput
from corral.app.secrets_mask import masked

LEVELS = ("debug", "info", "warning", "error")
_QUIET = ("asyncio", "aiosqlite", "httpx", "httpcore", "hypercorn.error")  # only from warnings upwards
_BOUND = "bound_context"  # attribute of a record

_Entry = MutableMapping[str, Any]


class Logs:
    """The log of this process, from `open` to `close`."""

    def __init__(
        self, *, folder: Path, level: str, limits: LogLimits, terminal: TextIO | None = None
    ) -> None:
        """`level` is one of LEVELS."""
        self.folder = folder
        self._level = level
        self._limits = limits
        self._terminal = terminal or sys.stderr
        self._listener: logging.handlers.QueueListener | None = None

    @property
    def level(self) -> str:
        """Entries below it are not kept."""
        return self._level

    def set_level(self, level: str) -> None:
        """From now on, for every logger of this process; one of LEVELS."""
        self._level = level
        if self._listener is not None:
            _apply_level(level)

    def open(self, *, now: datetime) -> None:
        """Take over what this process logs. Raises OSError if the folder can't be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.remove_old(now=now)
        terminal = _terminal_output(self._terminal)
        files = LogFileOutput(self.folder, self._limits, self._complain)
        files.setFormatter(_formatter(_as_json))
        queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
        self._listener = logging.handlers.QueueListener(queue, files, terminal)
        self._listener.start()
        root = logging.getLogger()
        self._before = (root.handlers, root.level)
        root.handlers = [_ToQueue(queue)]
        _apply_level(self._level)
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
        """Delete the files that are too old or too much."""
        remove_surplus(self.folder, self._limits, now=now)

    def _complain(self, text: str) -> None:
        try:
            self._terminal.write(f"corral: {text}\n")
            self._terminal.flush()
        except (OSError, ValueError):  # the terminal is gone, too
            return


def _apply_level(name: str) -> None:
    level = logging.getLevelNamesMapping()[name.upper()]
    logging.getLogger().setLevel(level)
    for quiet in _QUIET:
        logging.getLogger(quiet).setLevel(max(level, logging.WARNING))


class _ToQueue(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is, the outputs format it, each in its way; with the context that its thread or task has now."""
        setattr(record, _BOUND, structlog.contextvars.get_contextvars())
        return record


def _mask(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    inner = {name: value for name, value in entry.items() if name.startswith("_")}  # the formatter's own
    visible = {name: value for name, value in entry.items() if not name.startswith("_")}
    return {**masked(visible), **inner}


def _merge_context_of_record(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    return {**getattr(entry["_record"], _BOUND, {}), **entry}


def _time_of_record(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    created = datetime.fromtimestamp(entry["_record"].created, UTC)
    return {**entry, "timestamp": created.isoformat().replace("+00:00", "Z")}


_SHOWN: list[Any] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _mask,
]
_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    *_SHOWN,
]
_FOREIGN: list[Any] = [_merge_context_of_record, _time_of_record, *_SHOWN]


def _as_json(_logger: Any, _method: str, entry: _Entry) -> str:
    try:
        return orjson.dumps(entry, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    except TypeError:  # numbers of more than 64 bits, halves of characters
        return json.dumps(entry, default=str, skipkeys=True)


def _terminal_output(terminal: TextIO) -> logging.Handler:
    output = TerminalOutput(terminal)
    renderer = structlog.dev.ConsoleRenderer(
        colors=terminal.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    output.setFormatter(_formatter(_printable, renderer))
    return output


def _printable(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    """What clients sent must not control the terminal."""
    return {name: _escaped(value) if type(value) is str else value for name, value in entry.items()}


def _escaped(text: str) -> str:
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def _formatter(*last: Any) -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=_FOREIGN, processors=[ProcessorFormatter.remove_processors_meta, *last]
    )
