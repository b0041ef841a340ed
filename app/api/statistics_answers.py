"""Shapes of the answers of statistics over time, for the OpenAPI document."""

from corral.app.api.answers import Open


class UsedRow(Open):
    """What one model, key … used in a period that began at `period`. Without `id`: all but the busiest, together."""

    period: str
    id: str | None
    name: str | None
    requests: int
    failures: int
    refusals: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    total_tokens: int


class UsedRows(Open):
    usage: list[UsedRow]
    total: int


class LatencyPercentiles(Open):
    """In milliseconds."""

    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class LatencyRow(Open):
    """`first_token_ms` is null where no answer was streamed."""

    id: str
    name: str
    answered: int
    duration_ms: LatencyPercentiles
    first_token_ms: LatencyPercentiles | None


class LatencyRows(Open):
    latency: list[LatencyRow]
    total: int


class LatencyPoint(Open):
    """Of the answers whose requests came in a time that began at `period`."""

    period: str
    answered: int
    duration_ms: LatencyPercentiles
    first_token_ms: LatencyPercentiles | None


class LatencySeries(Open):
    latency: list[LatencyPoint]
    total: int
