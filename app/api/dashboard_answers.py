"""Shapes of the dashboard's answers, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open
from corral.app.api.endpoint_answers import Endpoint
from corral.app.api.history_answers import RequestRecording


class Totals(Open):
    """Since records are kept."""

    requests: int
    failures: int
    refusals: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    duration_s: float


class Recent(Open):
    """A span of time. Durations are null while there is nothing to count."""

    requests: int
    ok: int
    refused: int
    failed: int
    cancelled: int
    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    first_token_p50_ms: float | None


class Stats(Open):
    """`*_key_present` say for which cloud providers a key is set."""

    nodes: int
    endpoints: int
    endpoints_online: int
    models: int
    models_loaded: int
    active_requests: int
    waiting_requests: int
    tokens_per_s: float
    total: Totals
    last_hour: Recent
    last_day: Recent
    recording: RequestRecording


class Card(Open):
    """A graphics card."""

    name: str
    memory_bytes: int


class Hardware(Open):
    """What a machine has to run models with."""

    cores: int
    memory_bytes: int
    gpus: list[Card]


class CardLoad(Open):
    """Null: the driver doesn't say."""

    name: str
    used_percent: float | None
    memory_percent: float | None
    temperature_celsius: float | None


class MachineLoad(Open):
    """A reading. Machines with a battery also say `battery_percent` and `on_battery`."""

    at: str
    cpu_percent: float | None
    memory_percent: float | None
    gpus: list[CardLoad]
    active: int
    queued: int
    tokens_per_s: float
    battery_percent: int | None = None
    on_battery: bool | None = None


class RuntimeSettings(Open):
    """What administrators may change of a runtime that registered."""

    name: str | None
    enabled: bool
    weight: float
    max_concurrent: int | None
    notes: str


class Runtime(Open):
    """A machine of the cluster (kind `node`, `node` is its id there), or a runtime that registered by HTTP (`runtime`).

    `hardware` is null where it isn't known.
    """

    id: str
    node: str | None = None
    kind: Literal["node", "runtime"]
    name: str
    status: str
    version: str | None = None
    active_requests: int
    tokens_per_s: float
    loaded_models: list[str]
    models: int
    hardware: Hardware | None = None
    load: MachineLoad | None
    last_error: str | None = None
    failing_since: str | None = None
    status_reason: str | None = None
    heard_at: str | None = None
    machine_name: str | None = None
    ip_address: str | None = None
    runtime_api_port: int | None = None
    registered_at: str | None = None
    settings: RuntimeSettings | None = None


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

    samples: list[MachineLoad]
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
