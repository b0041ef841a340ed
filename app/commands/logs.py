"""`corral logs`: the log of a node, read from its files, so that it works without a running node too."""

import sys
import time
from collections.abc import Iterable

import orjson
from rich.console import Console
from rich.text import Text

from corral.app.commands.screen import printable
from corral.app.log_reader import Entry, Follower, Wanted, end_of, newest
from corral.app.settings_table import Settings

_POLL_S = 0.2
_COLORS = {"debug": "dim", "info": "green", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_SHOWN_FIRST = ("timestamp", "level", "event")
_SHOWN_LAST = ("exception", "stack")
_SECONDS = slice(0, 19)  # of a timestamp


def show_logs(settings: Settings, wanted: Wanted, *, count: int, follow: bool, as_json: bool) -> None:
    """The newest entries, then the new ones as they come if `follow`, until Ctrl+C."""
    folder = settings.log_dir
    end = end_of(folder)
    _show(newest(folder, count, wanted, end=end), as_json=as_json)
    follower = Follower(folder, end, wanted)
    try:
        while follow:
            _show(follower.read(), as_json=as_json)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return


def _show(entries: Iterable[Entry], *, as_json: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for entry in entries:
        if as_json:
            print(orjson.dumps(entry).decode())
        else:
            console.print(readable(entry))
    sys.stdout.flush()


def readable(entry: Entry) -> Text:
    """An entry as people read it: time, level, event, the rest by name; what spans lines comes below."""
    level = str(entry.get("level", ""))
    line = Text()
    line.append(str(entry.get("timestamp", ""))[_SECONDS].replace("T", " "), style="dim")
    line.append(f" {level:<8} ", style=_COLORS.get(level, ""))
    line.append(printable(str(entry["event"])), style="bold")
    for name, value in entry.items():
        if name not in (*_SHOWN_FIRST, *_SHOWN_LAST, "logger") and value is not None:
            line.append(f" {name}=", style="cyan")
            line.append(_one_line(value))
    for name in _SHOWN_LAST:
        if text := entry.get(name):
            line.append(f"\n{printable(str(text))}")
    return line


def _one_line(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    plain = text.isprintable() and text and " " not in text
    return text if plain else orjson.dumps(text).decode() if isinstance(value, str) else text
