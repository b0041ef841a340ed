"""Shapes of the answers about endpoints and aliases, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open


class Endpoint(Open):
    """A server elsewhere. `type` is null until it was reached; its key is never shown. `models` counts them."""

    id: str
    name: str
    base_url: str
    type: str | None
    type_detected: bool
    has_api_key: bool
    enabled: bool
    health_check_interval_secs: int
    inference_timeout_secs: int
    weight: float
    notes: str | None
    created_at: str
    status: Literal["pending", "online", "error", "offline"]
    status_since: str | None
    latency_ms: float | None
    last_checked_at: str | None
    last_error: str | None
    last_error_at: str | None
    failing_since: str | None
    models: int
    synced_at: str | None


class Endpoints(Open):
    endpoints: list[Endpoint]
    total: int


class EndpointInfo(Open):
    """What answered."""

    type: str
    version: str | None


class EndpointTest(Open):
    """`models` names the first of those that were found."""

    success: bool
    latency_ms: float | None
    error: str | None
    models_found: int
    models: list[str]
    endpoint_info: EndpointInfo | None


class EndpointSync(Open):
    """Names of models."""

    synced_models: int
    added: list[str]
    removed: list[str]
    updated: list[str]


class EndpointModel(Open):
    """`name_there` is what the server calls it."""

    id: str
    name_there: str
    capabilities: list[str]
    context_length: int
    size_bytes: int
    quantization: str


class EndpointModels(Open):
    models: list[EndpointModel]
    total: int


class Alias(Open):
    """One name for the models that `targets` names."""

    id: str
    name: str
    targets: list[str]
    created_at: str


class Aliases(Open):
    aliases: list[Alias]
    total: int


class Removed(Open):
    removed: bool
