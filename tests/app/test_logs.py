"""Log entries go to a file per day and to the terminal, without secrets."""

import io
import json
import logging
import logging.handlers
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from corral.app.log_files import LogLimits
from corral.app.logs import LEVELS, Logs

NOW = datetime.now(UTC)
KEY = "sk_" + "Ab12" * 8
LIMITS = LogLimits(retention_days=3, max_bytes=10**9)


class Opened:
    """Logs in a folder, with a terminal that can be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.terminal = io.StringIO()
        self.logs = Logs(folder=folder, level="info", limits=LIMITS, terminal=self.terminal)
        self.logs.open(now=NOW)

    def close(self) -> list[dict[str, object]]:
        """What the files hold."""
        self.logs.close()
        lines = [line for path in sorted(self.folder.iterdir()) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "logs")
    yield opened
    opened.close()


def test_entries_are_json_lines_and_readable_text(opened: Opened) -> None:
    structlog.get_logger("corral.test").info("model loaded", model="tiny", seconds=1.5)
    [entry] = opened.close()
    assert entry.pop("timestamp")
    assert entry == {
        "event": "model loaded",
        "model": "tiny",
        "seconds": 1.5,
        "level": "info",
        "logger": "corral.test",
    }
    assert "model loaded" in opened.terminal.getvalue() and "model=tiny" in opened.terminal.getvalue()


def test_the_standard_library_s_entries_come_too(opened: Opened) -> None:
    logging.getLogger("hypercorn.error").warning("port %s", 1)
    [entry] = opened.close()
    assert (entry["event"], entry["level"], entry["logger"]) == ("port 1", "warning", "hypercorn.error")


def test_no_secret_reaches_any_output(opened: Opened) -> None:
    log = structlog.get_logger("corral.test")
    log.info(f"got {KEY}", headers={"authorization": "hush"}, password="hush")
    logging.getLogger("other").error("failed with %s", KEY)
    try:
        raise ValueError(KEY)
    except ValueError:
        log.exception("failed")
    written = json.dumps(opened.close()) + opened.terminal.getvalue()
    assert "sk_***" in written and "ValueError" in written
    assert KEY not in written and "hush" not in written


def test_the_level_holds(opened: Opened) -> None:
    structlog.get_logger("corral.test").debug("detail")
    logging.getLogger("httpx").info("request")
    assert opened.close() == []


def test_what_clients_sent_does_not_control_the_terminal(opened: Opened) -> None:
    structlog.get_logger("corral.test").info("asked for \x1b[31m", model="a\x07\u202eb\nü")
    opened.close()
    shown = opened.terminal.getvalue()
    assert "asked for \\x1b[31m" in shown and "\x07" not in shown and "\u202e" not in shown and "ü" in shown


@pytest.mark.parametrize("level", LEVELS)
def test_the_level_can_be_changed(opened: Opened, level: str) -> None:
    opened.logs.set_level(level)
    for each in LEVELS:
        getattr(structlog.get_logger("corral.test"), each)(each)
        getattr(logging.getLogger("other"), each)(each)
    heard = [entry["event"] for entry in opened.close()]
    assert heard == [each for each in LEVELS[LEVELS.index(level) :] for _ in range(2)]
    assert opened.logs.level == level


def test_the_servers_own_entries_stay_quiet_at_every_level(opened: Opened) -> None:
    opened.logs.set_level("debug")
    logging.getLogger("hypercorn.error").info("chatter")
    opened.logs.set_level("error")
    logging.getLogger("hypercorn.error").warning("chatter")
    assert opened.close() == []


def test_a_level_set_before_it_opens_counts_then(tmp_path: Path) -> None:
    before = logging.getLogger().level
    logs = Logs(folder=tmp_path, level="info", limits=LIMITS, terminal=io.StringIO())
    logs.set_level("error")
    assert logging.getLogger().level == before
    logs.open(now=NOW)
    structlog.get_logger("corral.test").warning("unheard")
    logs.close()
    assert "unheard" not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_what_is_bound_where_the_entry_is_made_stands_in_it(opened: Opened) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("corral.test").info("ours")
        logging.getLogger("other").warning("theirs")
    logging.getLogger("other").warning("later")
    entries = {entry["event"]: entry.get("request_id") for entry in opened.close()}
    assert entries == {"ours": "r-1", "theirs": "r-1", "later": None}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (2**70, 2**70),
        ({1: "a"}, {"1": "a"}),
        ("half \ud83d a character", "half \ud83d a character"),
        (float("nan"), None),
        (Path("a"), "a"),
        ("two\nlines\x00", "two\nlines\x00"),
    ],
)
def test_odd_values_are_written_somehow(opened: Opened, given: object, shown: object) -> None:
    structlog.get_logger("corral.test").info("odd", value=given)
    [entry] = opened.close()
    assert entry["value"] == shown


def test_an_entry_that_can_not_be_shown_does_not_end_the_log(opened: Opened) -> None:
    class Spiteful:
        def __str__(self) -> str:
            raise RuntimeError("no")

    [queue] = [
        each
        for each in logging.getLogger().handlers
        if isinstance(each, logging.handlers.QueueHandler)  # the others are pytest's
    ]
    queue.handle(logging.makeLogRecord({"msg": "%s and %s", "args": ("one argument only",)}))
    queue.handle(logging.makeLogRecord({"msg": Spiteful()}))
    structlog.get_logger("corral.test").info("after")
    assert [entry["event"] for entry in opened.close()][-1] == "after"


def test_old_files_go_when_it_opens(tmp_path: Path) -> None:
    for name in ("corral-2001-01-01.log", "corral-2001-01-01.1.log", "other.log"):
        (tmp_path / name).touch()
    logs = Logs(folder=tmp_path, level="info", limits=LIMITS, terminal=io.StringIO())
    logs.open(now=NOW)
    logs.close()
    assert [path.name for path in tmp_path.iterdir()] == ["other.log"]
