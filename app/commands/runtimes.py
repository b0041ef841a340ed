"""`corral runtimes`: machines that serve models, and runtimes that registered by HTTP, of the running node's cluster."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import duration, printable, show_json, show_table
from corral.app.settings_table import Settings
from corral.app.times import unix_time

_PATH = "/v0/runtimes"
_COLUMNS = ("ID", "NAME", "KIND", "STATUS", "VERSION", "MODELS", "ANSWERS", "CPU", "MEMORY", "HEARD")
_HEAD = ("timestamp", "level", "message", "event")  # of a log entry


def list_runtimes(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        runtimes = _all(node)
    if as_json:
        show_json(runtimes)
    else:
        show_table(_COLUMNS, [_listed(each, now=time.time()) for each in runtimes])


def remove(settings: Settings, runtime: str, *, as_json: bool) -> None:
    """Forget one."""
    with NodeClient.of(settings) as node:
        node.ask("DELETE", _path(node, runtime))
    _tell(as_json, {"removed": True}, "The runtime is removed. It may register again.")


def disconnect(settings: Settings, runtime: str, *, as_json: bool) -> None:
    """Until it registers again."""
    with NodeClient.of(settings) as node:
        shown = node.ask("POST", f"{_path(node, runtime)}/disconnect")
    _tell(as_json, shown, "The runtime is disconnected until it registers again.")


def show_logs(settings: Settings, runtime: str, *, tail: int, as_json: bool) -> None:
    """The newest entries, one line each."""
    with NodeClient.of(settings) as node:
        entries = node.ask("GET", f"{_path(node, runtime)}/logs?tail={tail}")["entries"]
    if as_json:
        show_json(entries)
    for entry in () if as_json else entries:
        print(_line(entry))


def _all(node: NodeClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.ask("GET", _PATH)["runtimes"]
    return found


def _path(node: NodeClient, runtime: str) -> str:
    """Of one that is named by its id or its name."""
    named = [each["id"] for each in _all(node) if runtime in (each["id"], each["name"])]
    if len(named) > 1 and runtime not in named:
        raise CommandError(f"several are called {runtime!r}; use the id that `corral runtimes list` shows")
    id = runtime if runtime in named or not named else named[0]
    return f"{_PATH}/{quote(id, safe='')}"


def _tell(as_json: bool, document: Mapping[str, Any], words: str) -> None:
    if as_json:
        show_json(document)
    else:
        print(words)


def _listed(runtime: Mapping[str, Any], *, now: float) -> tuple[str, ...]:
    load = runtime["load"] or {}
    heard_at = runtime.get("heard_at")
    reason = runtime.get("status_reason")
    return (
        printable(runtime["id"]),
        printable(runtime["name"]),
        runtime["kind"],
        f"{runtime['status']}: {printable(reason)}" if reason else runtime["status"],
        printable(runtime["version"]),
        str(runtime.get("models", len(runtime["loaded_models"]))),
        str(runtime["active_requests"]),
        _percent(load.get("cpu_percent")),
        _percent(load.get("memory_percent")),
        "-" if heard_at is None else f"{duration(max(0.0, now - unix_time(heard_at)))} ago",
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"


def _line(entry: Mapping[str, Any]) -> str:
    head = [str(entry[name]) for name in _HEAD if entry.get(name)]
    rest = [f"{name}={json.dumps(value)}" for name, value in entry.items() if name not in _HEAD]
    return printable(" ".join([*head, *rest]))
