"""`corral history`: what was asked of the running node."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings

_PATH = "/v0/dashboard/request-responses"
_PAGES = (10, 25, 50, 100)
_POLL_S = 1.0
_COLUMNS = ("TIME", "STATUS", "WHO", "MODEL", "TOKENS", "TOOK", "PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which requests. None: all."""

    model: str | None = None
    user: str | None = None
    status: str | None = None
    words: str | None = None
    limit: int = 25


def show_history(settings: Settings, wanted: Wanted, *, follow: bool, as_json: bool) -> None:
    """The latest requests, and with `follow` those that end from now on, until Ctrl+C."""
    with NodeClient.of(settings) as node:
        seen = _page(node, wanted, wanted.limit)[: wanted.limit]
        if as_json and not follow:
            show_json(seen)
            return
        _show(seen[::-1], as_json=as_json, head=True)
        if follow:
            try:
                for rows in _new(node, wanted, {row["id"] for row in seen}):
                    _show(rows, as_json=as_json, head=False)
            except KeyboardInterrupt:
                return


def _new(node: NodeClient, wanted: Wanted, seen: set[str]) -> Iterator[list[dict[str, Any]]]:
    while True:
        time.sleep(_POLL_S)
        rows = [row for row in _page(node, wanted, max(_PAGES)) if row["id"] not in seen]
        if rows:
            seen.update(row["id"] for row in rows)
            yield rows[::-1]


def _page(node: NodeClient, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    query = {
        "model": wanted.model,
        "user": wanted.user,
        "status": wanted.status,
        "q": wanted.words,
        "per_page": next(size for size in _PAGES if size >= limit),
    }
    given = {name: value for name, value in query.items() if value is not None}
    rows: list[dict[str, Any]] = node.ask("GET", f"{_PATH}?{urlencode(given)}")["requests"]
    return rows


def _show(rows: list[dict[str, Any]], *, as_json: bool, head: bool) -> None:
    if as_json:
        for row in rows:
            show_json(row)
    elif rows or head:
        show_table(_COLUMNS if head else ("",) * len(_COLUMNS), [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    at = datetime.fromisoformat(row["started_at"]).astimezone()
    return (
        at.strftime("%Y-%m-%d %H:%M:%S"),
        f"{row['status']} {row['outcome']}",
        printable(row["who"]["name"] if row["who"] else row["address"]),
        printable(row["model"] or ""),
        f"{row['prompt_tokens']} + {row['completion_tokens']}",
        f"{row['duration_ms'] / 1e3:.2f} s",
        row["path"],
    )
