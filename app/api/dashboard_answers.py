"""Shapes of the dashboard's answers, for the OpenAPI document."""

from typing import Any

from corral.app.api.answers import Open
from corral.app.api.endpoint_answers import Endpoint


class Stats(Open):
    """`*_key_present` say for which cloud providers a key is set. Durations are null while there is nothing to count."""

    nodes: int
    endpoints: int
    endpoints_online: int
    models: int
    models_loaded: int
    active_requests: int
    waiting_requests: int
    total: dict[str, float]
    last_hour: dict[str, float | None]
    last_day: dict[str, float | None]
    recording: dict[str, Any]


class Runtime(Open):
    """A machine of the cluster (kind `node`), or a runtime that registered by HTTP (`runtime`)."""

    id: str
    kind: str
    name: str
    status: str
    active_requests: int
    loaded_models: list[str]
    load: dict[str, Any] | None


class Runtimes(Open):
    runtimes: list[Runtime]
    total: int


class Minute(Open):
    minute: str
    success: int
    error: int


class RequestHistory(Open):
    """60 minutes, oldest first."""

    history: list[Minute]
    total: int


class Overview(Open):
    stats: Stats
    runtimes: list[Runtime]
    endpoints: list[Endpoint]
    history: list[Minute]
    generated_at: str


class Samples(Open):
    """Every ten seconds of the last hour, oldest first."""

    samples: list[dict[str, Any]]
    total: int


class TokenRow(Open):
    """`period` (a day or a month, UTC) only where it was asked for."""

    model: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    total_tokens: int


class TokenStats(Open):
    stats: list[TokenRow]
    total: int


class Client(Open):
    """A key, a user or an address."""

    id: str
    name: str
    requests: int
    failures: int
    refusals: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    last_seen: str


class Clients(Open):
    clients: list[Client]
    total: int


class Summary(Open):
    """Flat numbers, for scripts."""

    requests_total: int
    requests_failed: int
    active_requests: int
    waiting_requests: int
    models_loaded: int
