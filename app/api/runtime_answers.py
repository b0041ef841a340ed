"""Shapes of the answers about runtimes, for the OpenAPI document."""

from typing import Any

from corral.app.api.answers import Open


class RegisteredRuntime(Open):
    """`runtime_token` is shown once: it goes into the header X-Runtime-Token of heartbeats."""

    runtime_id: str
    status: str  # registered, updated
    runtime_api_port: int
    runtime_token: str


class HeardRuntime(Open):
    """How the router sees the runtime now."""

    runtime_id: str
    status: str


class ShownRuntime(Open):
    """One that registered."""

    id: str
    name: str
    status: str
    status_reason: str | None
    settings: dict[str, Any]


class RemovedRuntime(Open):
    removed: bool


class RuntimeMetrics(Open):
    """The numbers of its last heartbeat."""

    runtime_id: str
    name: str
    status: str
    cpu_usage: float | None
    memory_usage: float | None
    active_requests: int | None


class AllRuntimeMetrics(Open):
    runtimes: list[RuntimeMetrics]
    total: int


class RuntimeLogs(Open):
    """The newest entry comes last. What an entry has depends on the program that wrote it."""

    entries: list[dict[str, Any]]
    total: int
