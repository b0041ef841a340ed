"""How long answers took: percentiles of the requests that were answered and are still in the history."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.store.database import Database, Value

_PER_S = 10_000  # durations are read in units of 0.1 ms
_GROUPS = {  # what is told apart → its id and its name
    "everything": ("''", "''"),
    "model": ("coalesce(model, '')", "coalesce(model, '')"),
    "endpoint": ("endpoint_id", "endpoint_name"),
    "runtime": ("node_name", "node_name"),
    "key": ("CASE who_kind WHEN 'api_key' THEN who_id END", "who_name"),
    "user": ("CASE who_kind WHEN 'session' THEN who_id END", "who_name"),
}
LATENCY_OF = frozenset(_GROUPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Of some durations, in seconds."""

    p50: float
    p90: float
    p95: float
    p99: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of one group. `first_token` is None where no answer had one."""

    id: str
    name: str
    answered: int
    duration: Percentiles
    first_token: Percentiles | None


class Latencies:
    """Reads; the recorder writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, what: str, *, start: float, end: float) -> list[Latency]:
        """One for each model, endpoint … that answered something, the busiest first."""
        id, name = _GROUPS[what]
        found = await self._grouped(id, name, (start, end))
        return sorted(found, key=lambda each: (-each.answered, each.name))

    async def over_time(self, *, start: float, end: float, step_s: int) -> list[Latency]:
        """One for each time of `step_s` seconds in which something was answered; its `id` is when that began (Unix time)."""
        began = f"CAST(started_at / {step_s} AS INTEGER) * {step_s}"
        found = await self._grouped(f"CAST({began} AS TEXT)", "''", (start, end))
        return sorted(found, key=lambda each: int(each.id))

    async def _grouped(self, id: str, name: str, times: Sequence[Value]) -> list[Latency]:
        """The numbers come as one text for each group: sorting them in SQLite, or reading a row for each, takes three times as long."""
        rows = await self._database.read(
            f"SELECT {id} AS id, max({name}) AS name, {_listed('duration_s')} AS durations,"
            f" {_listed('first_token_s')} AS first_tokens FROM requests"
            f" WHERE started_at >= ? AND started_at < ? AND outcome = 'ok' AND {id} IS NOT NULL GROUP BY 1",
            times,
        )
        return await asyncio.to_thread(_latencies, rows)


def _listed(column: str) -> str:
    return f"group_concat(CAST({column} * {_PER_S} AS INTEGER))"


def _latencies(rows: Sequence[sqlite3.Row]) -> list[Latency]:
    return [
        Latency(
            id=row["id"],
            name=row["name"],
            answered=row["durations"].count(",") + 1,
            duration=_percentiles(row["durations"]),
            first_token=None if row["first_tokens"] is None else _percentiles(row["first_tokens"]),
        )
        for row in rows
    ]


def _percentiles(listed: str) -> Percentiles:
    values = sorted(map(int, listed.split(",")))

    def at(share: float) -> float:
        return values[min(len(values) - 1, int(len(values) * share))] / _PER_S

    return Percentiles(p50=at(0.5), p90=at(0.9), p95=at(0.95), p99=at(0.99), highest=at(1.0))
