"""Statistics of the history: sums since ever, the last hour in detail, per minute, day, month and client."""

import sqlite3
from dataclasses import dataclass

from corral.app.store.database import Database, Value
from corral.app.store.latencies import Latencies
from corral.app.store.usage_series import UsageSeries

_TOKENS = (
    "sum(requests) AS requests, sum(failures) AS failures, sum(refusals) AS refusals,"
    " sum(prompt_tokens) AS prompt_tokens, sum(cached_tokens) AS cached_tokens,"
    " sum(completion_tokens) AS completion_tokens"
)
_PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m"}
_CLIENTS = {  # what clients are told apart by → columns, and which rows count
    "key": ("who_id AS id, max(who_name) AS name", "who_id", "who_kind = 'api_key'"),
    "user": ("who_id AS id, max(who_name) AS name", "who_id", "who_kind = 'session'"),
    "address": ("address AS id, address AS name", "address", "1"),
}
CLIENT_KINDS = frozenset(_CLIENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What happened since some time. Durations in seconds; None: nothing happened."""

    ok: int
    refused: int
    failed: int
    cancelled: int
    average_s: float | None
    p50_s: float | None
    p95_s: float | None
    first_token_p50_s: float | None

    @property
    def total(self) -> int:
        return self.ok + self.refused + self.failed + self.cancelled


class Statistics:
    """Reads; the recorder writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.usage = UsageSeries(database)
        self.latencies = Latencies(database)

    async def totals(self) -> dict[str, int | float]:
        """Sums since ever (as long as sums are kept)."""
        row = (await self._database.read(f"SELECT {_TOKENS}, sum(duration_s) AS duration_s FROM usage"))[0]
        return {name: row[name] or 0 for name in row.keys()}  # noqa: SIM118 - a sqlite3.Row

    async def since(self, start: float) -> Recent:
        """Everything since a time."""
        rows = await self._database.read(
            "SELECT outcome, count(*) AS count, sum(duration_s) AS seconds FROM requests"
            " WHERE started_at >= ? GROUP BY outcome",
            (start,),
        )
        counts = {row["outcome"]: row["count"] for row in rows}
        answered = counts.get("ok", 0)
        seconds = sum(row["seconds"] for row in rows if row["outcome"] == "ok")
        return Recent(
            ok=answered,
            refused=counts.get("refused", 0),
            failed=counts.get("failed", 0),
            cancelled=counts.get("cancelled", 0),
            average_s=seconds / answered if answered else None,
            p50_s=await self._quantile("duration_s", start, 0.5),
            p95_s=await self._quantile("duration_s", start, 0.95),
            first_token_p50_s=await self._quantile("first_token_s", start, 0.5),
        )

    async def per_minute(self, *, first: int, minutes: int) -> list[tuple[int, int]]:
        """(answered, not answered) for each of `minutes` minutes from the one that begins at Unix time `first`."""
        rows = await self._database.read(
            "SELECT CAST((started_at - ?) / 60 AS INTEGER) AS minute, sum(outcome = 'ok') AS good,"
            " sum(outcome != 'ok') AS bad FROM requests WHERE started_at >= ? AND started_at < ? GROUP BY minute",
            (first, first, first + minutes * 60),
        )
        found = {row["minute"]: (row["good"], row["bad"]) for row in rows}
        return [found.get(minute, (0, 0)) for minute in range(minutes)]

    async def tokens_by_model(self) -> list[sqlite3.Row]:
        """One row for each model that was ever asked for, the most used first."""
        return await self._database.read(
            f"SELECT model, {_TOKENS} FROM usage GROUP BY model"
            " ORDER BY sum(prompt_tokens + completion_tokens) DESC, model"
        )

    async def tokens_by_period(self, period: str, *, start: float) -> list[sqlite3.Row]:
        """One row for each day or month (UTC) and model, oldest first."""
        return await self._database.read(
            f"SELECT strftime('{_PERIODS[period]}', hour, 'unixepoch') AS period, model, {_TOKENS}"
            " FROM usage WHERE hour >= ? GROUP BY period, model ORDER BY period, model",
            (start,),
        )

    async def clients(self, by: str, *, start: float, end: float, limit: int) -> list[sqlite3.Row]:
        """One row for each key, user or address, the busiest first. Times count in whole hours."""
        columns, group, only = _CLIENTS[by]
        return await self._database.read(
            f"SELECT {columns}, {_TOKENS}, max(hour) + 3600 AS last_seen FROM usage"
            f" WHERE {only} AND hour >= ? AND hour < ? GROUP BY {group}"
            " ORDER BY sum(prompt_tokens + completion_tokens) DESC, sum(requests) DESC, id LIMIT ?",
            (start - start % 3600, end, limit),
        )

    async def _quantile(self, column: str, start: float, share: float) -> float | None:
        values: tuple[Value, ...] = (start,)
        where = f"FROM requests WHERE started_at >= ? AND outcome = 'ok' AND {column} IS NOT NULL"
        count = int((await self._database.read(f"SELECT count(*) {where}", values))[0][0])
        if count == 0:
            return None
        place = min(count - 1, int(count * share))
        sql = f"SELECT {column} {where} ORDER BY {column} LIMIT 1 OFFSET ?"
        return float((await self._database.read(sql, (*values, place)))[0][0])
