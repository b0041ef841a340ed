"""Log entries go to a file per day and to the terminal, without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog

from corral.app.logs import Logs, day_of, file_name

NOW = datetime.now(UTC)
KEY = "sk_" + "Ab12" * 8


class Opened:
    """Logs in a folder, with a terminal that can be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.terminal = io.StringIO()
        self._logs = Logs(folder=folder, level="info", retention_days=3, terminal=self.terminal)
        self._logs.open(now=NOW)

    def close(self) -> list[dict[str, object]]:
        """What the files hold."""
        self._logs.close()
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


def test_old_files_are_deleted(tmp_path: Path) -> None:
    for name in ("corral-2024-02-27.log", "corral-2024-02-28.log", "corral-2024-03-01.log", "other.log"):
        (tmp_path / name).touch()
    logs = Logs(folder=tmp_path, level="info", retention_days=2)
    logs.remove_old(now=datetime(2024, 3, 1, tzinfo=UTC))
    assert {path.name for path in tmp_path.iterdir()} == {
        "corral-2024-03-01.log",
        "other.log",
    }


@pytest.mark.parametrize(
    ("name", "day"),
    [
        (file_name(date(2024, 2, 29)), date(2024, 2, 29)),
        ("corral-2024-02-31.log", None),
        ("corral.log", None),
        ("corral-2024-02-29.log.gz", None),
    ],
)
def test_names_of_files(name: str, day: date | None) -> None:
    assert day_of(name) == day
