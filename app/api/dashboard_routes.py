"""Statistics over HTTP."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from corral.app.api import dashboard_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.query import choice, moment, whole_number
from corral.app.api.request_errors import RuntimeNotFound
from corral.app.api.route import Handler, Query, Route
from corral.app.dashboard import DAY_S, HOUR_S, Dashboard
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.store.statistics import CLIENT_KINDS, Statistics
from corral.app.times import rfc3339

_MOST_DAYS, _MOST_MONTHS, _MOST_CLIENTS = 400, 24, 1000
_SUMS = ("requests", "failures", "refusals", "prompt_tokens", "cached_tokens", "completion_tokens")


class DashboardRoutes:
    """Handlers of /v0/dashboard (without the history) and /v0/metrics/summary."""

    def __init__(self, *, dashboard: Dashboard, statistics: Statistics, now: Callable[[], float]) -> None:
        self._dashboard = dashboard
        self._statistics = statistics
        self._now = now

    async def stats(self, call: Call) -> GatewayResponse:
        return json_answer(await self._dashboard.stats())

    async def overview(self, call: Call) -> GatewayResponse:
        return json_answer(await self._dashboard.overview())

    async def runtimes(self, call: Call) -> GatewayResponse:
        runtimes = self._dashboard.runtimes()
        return json_answer({"runtimes": runtimes, "total": len(runtimes)})

    async def metrics(self, call: Call) -> GatewayResponse:
        samples = self._dashboard.samples(call.parameters["id"])
        if samples is None:
            raise RuntimeNotFound
        return json_answer({"samples": samples, "total": len(samples)})

    async def request_history(self, call: Call) -> GatewayResponse:
        history = await self._dashboard.request_history()
        return json_answer({"history": history, "total": len(history)})

    async def tokens(self, call: Call) -> GatewayResponse:
        return _token_answer(await self._statistics.tokens_by_model())

    async def daily_tokens(self, call: Call) -> GatewayResponse:
        days = whole_number(call.query, "days", default=30, low=1, high=_MOST_DAYS)
        today = int(self._now()) // DAY_S * DAY_S
        start = today - (days - 1) * DAY_S
        return _token_answer(await self._statistics.tokens_by_period("day", start=start), by_period=True)

    async def monthly_tokens(self, call: Call) -> GatewayResponse:
        months = whole_number(call.query, "months", default=12, low=1, high=_MOST_MONTHS)
        start = first_of_month(self._now(), back=months - 1)
        return _token_answer(await self._statistics.tokens_by_period("month", start=start), by_period=True)

    async def clients(self, call: Call) -> GatewayResponse:
        now = self._now()
        by = choice(call.query, "by", CLIENT_KINDS) or "key"
        start, end = moment(call.query, "start"), moment(call.query, "end")
        rows = await self._statistics.clients(
            by,
            start=now - 30 * DAY_S if start is None else start,
            end=now + HOUR_S if end is None else end,
            limit=whole_number(call.query, "limit", default=100, low=1, high=_MOST_CLIENTS),
        )
        clients = [
            {
                "id": row["id"],
                "name": row["name"],
                **_numbers(row),
                "last_seen": rfc3339(min(row["last_seen"], now)),
            }
            for row in rows
        ]
        return json_answer({"clients": clients, "total": len(clients)})

    async def summary(self, call: Call) -> GatewayResponse:
        stats = await self._dashboard.stats()
        total, hour = stats["total"], stats["last_hour"]
        names = ("nodes", "endpoints", "models", "models_loaded", "active_requests", "waiting_requests")
        return json_answer(
            {
                **{name: stats[name] for name in names},
                "requests_total": total["requests"],
                "requests_failed": total["failures"],
                "requests_refused": total["refusals"],
                "prompt_tokens_total": total["prompt_tokens"],
                "completion_tokens_total": total["completion_tokens"],
                "requests_last_hour": hour["requests"],
                "average_ms_last_hour": hour["average_ms"],
                "tokens_per_s": stats["tokens_per_s"],
            }
        )

    def routes(self) -> Sequence[Route]:
        path = "/v0/dashboard"
        rows: list[tuple[str, Handler, str, type[BaseModel], tuple[Query, ...]]] = [
            (f"{path}/stats", self.stats, "Numbers of everything", answers.Stats, ()),
            (f"{path}/overview", self.overview, "All of the dashboard in one answer", answers.Overview, ()),
            (f"{path}/runtimes", self.runtimes, "The machines that serve models", answers.Runtimes, ()),
            (
                f"{path}/request-history",
                self.request_history,
                "Requests of the last 60 minutes",
                answers.RequestHistory,
                (),
            ),
            (f"{path}/stats/tokens", self.tokens, "Tokens by model", answers.TokenStats, ()),
            (
                f"{path}/stats/tokens/daily",
                self.daily_tokens,
                "Tokens by day and model",
                answers.TokenStats,
                (_number("days", "So many days, today is the last.", 30, _MOST_DAYS),),
            ),
            (
                f"{path}/stats/tokens/monthly",
                self.monthly_tokens,
                "Tokens by month and model",
                answers.TokenStats,
                (_number("months", "So many months, the running one is the last.", 12, _MOST_MONTHS),),
            ),
            (f"{path}/stats/clients", self.clients, "Who used how much", answers.Clients, _CLIENT_QUERIES),
            ("/v0/metrics/summary", self.summary, "Statistics in flat numbers", answers.Summary, ()),
        ]
        return [
            *(_route(*row) for row in rows),
            Route(
                method="GET",
                path=f"{path}/metrics/<id>",
                handler=self.metrics,
                summary="The load of a machine in the last hour",
                access=MANAGEMENT,
                answer=answers.Samples,
                errors=(404,),
            ),
        ]


def first_of_month(now: float, *, back: int) -> float:
    """Unix time when the month began that lies `back` months before the running one (UTC)."""
    today = datetime.fromtimestamp(now, UTC)
    months = today.year * 12 + today.month - 1 - back
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()


def _number(name: str, description: str, default: int, most: int) -> Query:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Query(name=name, description=description, schema=schema)


_CLIENT_QUERIES = (
    Query(
        name="by",
        description="What clients are told apart by.",
        schema={"type": "string", "enum": sorted(CLIENT_KINDS), "default": "key"},
    ),
    Query(name="start", description="Not before this RFC 3339 time; else the last 30 days."),
    Query(name="end", description="Before this RFC 3339 time."),
    _number("limit", "So many, the busiest first.", 100, _MOST_CLIENTS),
)


def _route(
    path: str, handler: Handler, summary: str, answer: type[BaseModel], queries: tuple[Query, ...]
) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        access=MANAGEMENT,
        answer=answer,
        queries=queries,
    )


def _token_answer(rows: Sequence[sqlite3.Row], *, by_period: bool = False) -> GatewayResponse:
    stats = [
        {**({"period": row["period"]} if by_period else {}), "model": row["model"], **_numbers(row)}
        for row in rows
    ]
    return json_answer({"stats": stats, "total": len(stats)})


def _numbers(row: sqlite3.Row) -> dict[str, Any]:
    numbers = {name: row[name] for name in _SUMS}
    return {**numbers, "total_tokens": row["prompt_tokens"] + row["completion_tokens"]}
