"""What was used in each hour, day or month, by model, key, user, address or endpoint; from the sums, which are kept for a year."""

from dataclasses import dataclass

from corral.app.store.database import Database

_SUMS = ("requests", "failures", "refusals", "prompt_tokens", "cached_tokens", "completion_tokens")
_TOTALS = ", ".join(f"sum({name}) AS {name}" for name in _SUMS)
_BUSIEST_FIRST = "sum(prompt_tokens + completion_tokens) DESC, sum(requests) DESC, id"
_BEGINNINGS = {  # of a period, Unix time
    "hour": "hour",
    "day": "hour - hour % 86400",
    "month": "CAST(strftime('%s', hour, 'unixepoch', 'start of month') AS INTEGER)",
}
PERIODS = frozenset(_BEGINNINGS)
_KINDS = {  # what is told apart → its id, its name, and which rows count
    "model": ("model", "model", "1"),
    "key": ("who_id", "who_name", "who_kind = 'api_key'"),
    "user": ("who_id", "who_name", "who_kind = 'session'"),
    "address": ("address", "address", "1"),
    "endpoint": ("endpoint_id", "endpoint_id", "endpoint_id != ''"),
}
USED_BY = frozenset(_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one of them used in one period, which began at Unix time `at`. `id` None: all that are not among the busiest."""

    at: int
    id: str | None
    name: str | None
    requests: int
    failures: int
    refusals: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class UsageSeries:
    """Reads; the recorder writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def used(self, by: str, per: str, *, start: float, end: float, most: int) -> list[Used]:
        """For each period (UTC) the `most` busiest of the whole time and the rest, oldest first. Times count in whole hours."""
        id, name, only = _KINDS[by]
        times = (start - start % 3600, end)
        where = f"FROM usage WHERE {only} AND hour >= ? AND hour < ?"
        rows = await self._database.read(
            f"WITH busiest AS (SELECT {id} AS id {where} GROUP BY 1 ORDER BY {_BUSIEST_FIRST} LIMIT ?)"
            f" SELECT {_BEGINNINGS[per]} AS at, CASE WHEN {id} IN busiest THEN {id} END AS id, max({name}) AS name,"
            f" {_TOTALS} {where} GROUP BY 1, 2 ORDER BY 1, {_BUSIEST_FIRST}",
            (*times, most, *times),
        )
        names = await self._endpoint_names() if by == "endpoint" else {}
        return [
            Used(
                at=row["at"],
                id=row["id"],
                name=None if row["id"] is None else names.get(row["id"], row["name"]),
                **{sum: row[sum] for sum in _SUMS},
            )
            for row in rows
        ]

    async def _endpoint_names(self) -> dict[str, str]:
        rows = await self._database.read(
            "SELECT endpoint_id AS id, max(endpoint_name) AS name FROM requests WHERE endpoint_id IS NOT NULL GROUP BY 1"
        )
        return {row["id"]: row["name"] for row in rows}
