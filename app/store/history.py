"""The history of requests: filters, pages, search, export and retention."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from corral.app.store.database import Database, Value
from corral.app.store.errors import DiskFull
from corral.app.store.history_log import LAST, LOG, NEXT
from corral.app.store.search_index import SearchIndex

COLUMNS = (
    "id, request_id, started_at, method, path, model, endpoint_id, endpoint_name, node_name, who_kind, who_id,"
    " who_name, address, status, outcome, error_code, streamed, duration_s, queued_s, first_token_s, prompt_tokens,"
    " cached_tokens, completion_tokens, request_bytes, answer_bytes"
)
USAGE_WHO = "hour, model, endpoint_id, who_kind, who_id, who_name, address"
SUMS = (
    "requests",
    "failures",
    "refusals",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "duration_s",
)
HOUR_S = 3600  # what sums of use are for
REQUESTS = ("requests", COLUMNS)  # but for the number
TEXTS = ("request_texts", "request_body, answer_body, searched")
_ADD_UP = " ON CONFLICT DO UPDATE SET who_name = excluded.who_name, number = excluded.number, " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in SUMS
)
UPSERT_USAGE = (
    f"INSERT INTO usage ({USAGE_WHO}, {', '.join(SUMS)}, log, number)"
    f" VALUES ({'?, ' * (USAGE_WHO.count(',') + 1 + len(SUMS))}{LOG}, {NEXT}){_ADD_UP}"
)
# The same for the rows of table `requests` that were added in this transaction.
UPSERT_USAGE_OF_ROWS = (
    f"INSERT INTO usage ({USAGE_WHO}, {', '.join(SUMS)}, log, number)"
    f" SELECT CAST(started_at AS INTEGER) / {HOUR_S} * {HOUR_S}, coalesce(model, ''), coalesce(endpoint_id, ''),"
    " coalesce(who_kind, ''), coalesce(who_id, ''), max(coalesce(who_name, '')), address,"
    " count(*), sum(outcome = 'failed'), sum(outcome = 'refused'), sum(prompt_tokens), sum(cached_tokens),"
    f" sum(completion_tokens), sum(duration_s), {LOG}, {NEXT}"
    f" FROM requests WHERE number > {LAST} GROUP BY 1, 2, 3, 4, 5, 7{_ADD_UP}"
)
INSERT_COPIED_TEXT = (
    "INSERT OR IGNORE INTO request_texts (number, request_body, answer_body, searched)"
    " SELECT number, ?, ?, ? FROM requests WHERE id = ?"
)
# Of two copies of the sums of one log the later one is greater, in all columns.
UPSERT_COPIED_USAGE = (
    f"INSERT INTO usage ({USAGE_WHO}, {', '.join(SUMS)}, log, number)"
    f" VALUES ({'?, ' * (USAGE_WHO.count(',') + len(SUMS) + 2)}{NEXT})"
    " ON CONFLICT DO UPDATE SET who_name = excluded.who_name, number = excluded.number, "
    + ", ".join(f"{name} = excluded.{name}" for name in SUMS)
    + " WHERE excluded.requests > requests"
)

ERROR = "error"  # as a status: whatever was refused or failed
EXPORT_PAGE = 500  # rows that an export holds at a time
_PURGE_STEP = 500  # rows of one transaction, so that records don't wait long
USAGE_RETENTION_S = 400 * 86_400.0
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which requests; None: all."""

    model: str | None = None
    endpoint: str | None = None  # id or name
    runtime: str | None = None  # name of the node that answered
    user: str | None = None  # id or name of a key or user
    status: str | None = None  # "404", "4xx", an outcome, or "error" (refused or failed)
    start: float | None = None  # Unix time, seconds
    end: float | None = None
    words: str | None = None  # all of them in the texts; the last one may go on


class History:
    """Reads and clears the history, the latest request first. The recorder writes it, and copies of other machines' come too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._index = SearchIndex(database)

    async def page(self, wanted: HistoryFilter, *, offset: int, limit: int) -> list[sqlite3.Row]:
        """Rows of `requests`."""
        await self._prepare(wanted)
        where, values = _where(wanted)
        return await self._database.read(
            f"SELECT * FROM requests{where}{_LATEST_FIRST} LIMIT ? OFFSET ?", (*values, limit, offset)
        )

    async def count(self, wanted: HistoryFilter) -> int:
        """How many there are."""
        await self._prepare(wanted)
        where, values = _where(wanted, in_order=False)
        return int((await self._database.read(f"SELECT count(*) FROM requests{where}", values))[0][0])

    async def choices(self, *, most: int) -> dict[str, list[sqlite3.Row]]:
        """What requests can be filtered by: `id`, `name` and number of `requests` of each, the most frequent first."""
        return {
            what: await self._database.read(
                f"SELECT {id} AS id, {name} AS name, count(*) AS requests FROM requests"
                f" WHERE {id} IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 2 LIMIT ?",
                (most,),
            )
            for what, (id, name) in _CHOICES.items()
        }

    async def find(self, id: str) -> sqlite3.Row | None:
        """One request with its texts."""
        rows = await self._database.read(f"{_WITH_TEXTS} WHERE id = ?", (id,))
        return rows[0] if rows else None

    async def every(self, wanted: HistoryFilter) -> AsyncIterator[list[sqlite3.Row]]:
        """All of them with their texts, some hundred at a time."""
        await self._prepare(wanted)
        where, values = _where(wanted)
        glue = "AND" if where else "WHERE"
        before: tuple[Value, ...] = (float("inf"), 0)
        while True:
            rows = await self._database.read(
                f"{_WITH_TEXTS}{where} {glue} (started_at, requests.number) < (?, ?){_LATEST_FIRST} LIMIT ?",
                (*values, *before, EXPORT_PAGE),
            )
            if not rows:
                return
            yield rows
            before = rows[-1]["started_at"], rows[-1]["number"]

    async def _prepare(self, wanted: HistoryFilter) -> None:
        """Whoever searches finds the latest too, unless the disk is full."""
        if wanted.words is not None:
            with suppress(DiskFull):
                await self._index.catch_up()

    async def purge(self, *, before: float, now: float) -> int:
        """Forget requests that began before a time, and sums that are older than a year; how many requests."""
        await self._database.execute("DELETE FROM usage WHERE hour < ?", (now - USAGE_RETENTION_S,))
        forgotten = 0
        while True:
            step = await self._database.execute(
                "DELETE FROM requests WHERE number IN"
                " (SELECT number FROM requests WHERE started_at < ? ORDER BY started_at LIMIT ?)",
                (before, _PURGE_STEP),
            )
            forgotten += step
            if step < _PURGE_STEP:
                return forgotten


_CHOICES = {  # what a filter is called → columns of the value and of its name
    "model": ("model", "model"),
    "endpoint": ("endpoint_id", "max(endpoint_name)"),
    "runtime": ("node_name", "node_name"),
    "user": ("who_id", "max(who_name)"),
}
_LATEST_FIRST = " ORDER BY started_at DESC, requests.number DESC"
_WITH_TEXTS = (
    "SELECT requests.*, request_body, answer_body FROM requests"
    " LEFT JOIN request_texts ON request_texts.number = requests.number"
)


def _where(wanted: HistoryFilter, *, in_order: bool = True) -> tuple[str, list[Value]]:
    """`in_order`: of the latest rows first, which then aren't sorted; the "+" makes SQLite go through them in that order."""
    terms: list[tuple[str, tuple[Value, ...]]] = []
    if wanted.model is not None:
        terms.append(("model = ?", (wanted.model,)))
    if wanted.endpoint is not None:
        terms.append(("(endpoint_id = ? OR endpoint_name = ?)", (wanted.endpoint, wanted.endpoint)))
    if wanted.runtime is not None:
        terms.append(("node_name = ?", (wanted.runtime,)))
    if wanted.user is not None:
        terms.append(("(who_id = ? OR who_name = ?)", (wanted.user, wanted.user)))
    if wanted.status is not None:
        terms.append(_status_term(wanted.status))
    if wanted.start is not None:
        terms.append(("started_at >= ?", (wanted.start,)))
    if wanted.end is not None:
        terms.append(("started_at < ?", (wanted.end,)))
    if wanted.words is not None:
        number = "+requests.number" if in_order else "requests.number"
        found = f"{number} IN (SELECT rowid FROM request_search WHERE request_search MATCH ?)"
        terms.append((found, (match_query(wanted.words),)))
    clause = " AND ".join(sql for sql, _ in terms)
    return (f" WHERE {clause}" if clause else "", [value for _, values in terms for value in values])


def _status_term(status: str) -> tuple[str, tuple[Value, ...]]:
    if status.isdigit():
        return ("status = ?", (int(status),))
    if status.endswith("xx"):
        return ("status BETWEEN ? AND ?", (int(status[0]) * 100, int(status[0]) * 100 + 99))
    if status == ERROR:
        return ("outcome IN ('refused', 'failed')", ())
    return ("outcome = ?", (status,))


def match_query(words: str) -> str:
    """A query for FTS5 that finds texts with all of the words; whatever people type, it is never its syntax."""
    found = _WORD.findall(words)
    return " ".join(f'"{word}"' for word in found) + "*" if found else '""'
