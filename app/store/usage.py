"""Sums of what API keys used, for their quotas."""

from corral.app.gateway.principal import PrincipalId, PrincipalKind
from corral.app.gateway.quotas import Used
from corral.app.store.database import Database


async def used_since(database: Database, start: float) -> dict[PrincipalId, Used]:
    """What each API key used since `start` (the beginning of an hour); requests without an answer don't count."""
    rows = await database.read(
        "SELECT who_id, sum(requests - failures - refusals) AS requests,"
        " sum(prompt_tokens + completion_tokens) AS tokens"
        " FROM usage WHERE hour >= ? AND who_kind = ? GROUP BY who_id",
        (int(start), PrincipalKind.API_KEY.value),
    )
    return {PrincipalId(row["who_id"]): Used(requests=row["requests"], tokens=row["tokens"]) for row in rows}
