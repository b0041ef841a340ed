"""Statistics over time over HTTP: what was used by whom and what, and how long answers took."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from corral.app.api import statistics_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.query import choice, moment, whole_number
from corral.app.api.route import Handler, Query, Route
from corral.app.dashboard import DAY_S, HOUR_S, MINUTE_S
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.store.latencies import LATENCY_OF, Latency, Percentiles
from corral.app.store.statistics import Statistics
from corral.app.store.usage_series import PERIODS, USED_BY, Used
from corral.app.times import rfc3339
from corral.engines.errors import InvalidRequest

_PATH = "/v0/dashboard/stats"
_STEPS = {"minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S}
_MOST_PERIODS = 1500  # of one answer
_MOST_SERIES = 50
_PERIOD_S = {"hour": HOUR_S, "day": DAY_S, "month": 28 * DAY_S}

_TIMES = (
    Query(name="start", description="Not before this RFC 3339 time; else the last 7 days."),
    Query(name="end", description="Before this RFC 3339 time."),
)


class StatisticsRoutes:
    """Handlers of /v0/dashboard/stats/usage and /v0/dashboard/stats/latency."""

    def __init__(self, *, statistics: Statistics, now: Callable[[], float]) -> None:
        self._usage = statistics.usage
        self._latencies = statistics.latencies
        self._now = now

    async def usage(self, call: Call) -> GatewayResponse:
        start, end = self._times(call)
        per = choice(call.query, "per", PERIODS) or "day"
        _check_length(start, end, _PERIOD_S[per])
        used = await self._usage.used(
            choice(call.query, "by", USED_BY) or "model",
            per,
            start=start,
            end=end,
            most=whole_number(call.query, "limit", default=10, low=1, high=_MOST_SERIES),
        )
        return json_answer({"usage": [_used(each) for each in used], "total": len(used)})

    async def latency(self, call: Call) -> GatewayResponse:
        start, end = self._times(call)
        by = choice(call.query, "by", LATENCY_OF) or "everything"
        found = await self._latencies.of(by, start=start, end=end)
        rows = [{"id": each.id, "name": each.name, **_latency(each)} for each in found]
        return json_answer({"latency": rows, "total": len(rows)})

    async def latency_series(self, call: Call) -> GatewayResponse:
        start, end = self._times(call)
        step_s = _STEPS[choice(call.query, "per", _STEPS) or "hour"]
        _check_length(start, end, step_s)
        found = await self._latencies.over_time(start=start, end=end, step_s=step_s)
        rows = [{"period": rfc3339(int(each.id)), **_latency(each)} for each in found]
        return json_answer({"latency": rows, "total": len(rows)})

    def _times(self, call: Call) -> tuple[float, float]:
        now = self._now()
        start, end = moment(call.query, "start"), moment(call.query, "end")
        return now - 7 * DAY_S if start is None else start, now + HOUR_S if end is None else end

    def routes(self) -> Sequence[Route]:
        by_use = _word("by", "What is told apart.", sorted(USED_BY), "model")
        by_latency = _word("by", "What is told apart.", sorted(LATENCY_OF), "everything")
        limit = Query(
            name="limit",
            description="So many, the busiest; the others are put together.",
            schema={"type": "integer", "minimum": 1, "maximum": _MOST_SERIES, "default": 10},
        )
        use_per = _word("per", "How long a period is (UTC).", sorted(PERIODS), "day")
        series_per = _word("per", "How long a period is (UTC).", sorted(_STEPS), "hour")
        rows: list[tuple[str, Handler, str, type[BaseModel], tuple[Query, ...]]] = [
            (
                "/usage",
                self.usage,
                "Requests and tokens over time",
                answers.UsedRows,
                (by_use, use_per, limit, *_TIMES),
            ),
            (
                "/latency",
                self.latency,
                "How long answers took",
                answers.LatencyRows,
                (by_latency, *_TIMES),
            ),
            (
                "/latency/series",
                self.latency_series,
                "How long answers took over time",
                answers.LatencySeries,
                (series_per, *_TIMES),
            ),
        ]
        return [
            Route(
                method="GET",
                path=_PATH + path,
                handler=handler,
                summary=summary,
                access=MANAGEMENT,
                answer=answer,
                queries=queries,
            )
            for path, handler, summary, answer, queries in rows
        ]


def _check_length(start: float, end: float, period_s: int) -> None:
    if (end - start) / period_s > _MOST_PERIODS:
        raise InvalidRequest(
            f"from `start` to `end` there are more than {_MOST_PERIODS} periods; ask for longer ones with `per`",
            param="per",
        )


def _word(name: str, description: str, words: Sequence[str], default: str) -> Query:
    return Query(
        name=name,
        description=description,
        schema={"type": "string", "enum": list(words), "default": default},
    )


def _used(used: Used) -> dict[str, Any]:
    numbers = {name: value for name, value in asdict(used).items() if name != "at"}
    return {
        "period": rfc3339(used.at),
        **numbers,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {
        "answered": latency.answered,
        "duration_ms": _ms(latency.duration),
        "first_token_ms": None if latency.first_token is None else _ms(latency.first_token),
    }


def _ms(percentiles: Percentiles) -> dict[str, float]:
    shown = {name: round(seconds * 1e3, 1) for name, seconds in asdict(percentiles).items()}
    return {**{name: shown[name] for name in ("p50", "p90", "p95", "p99")}, "max": shown["highest"]}
