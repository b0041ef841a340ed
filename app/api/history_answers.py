"""Shapes of the history's answers, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import RootModel

from corral.app.api.answers import Open

COLUMNS = (  # of the CSV export
    "id",
    "request_id",
    "started_at",
    "method",
    "path",
    "model",
    "endpoint.name",
    "runtime",
    "who.kind",
    "who.name",
    "address",
    "status",
    "outcome",
    "error_code",
    "streamed",
    "duration_ms",
    "queued_ms",
    "first_token_ms",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "total_tokens",
    "request_bytes",
    "answer_bytes",
    "request_body",
    "answer_body",
)


class RequestSummary(Open):
    """`who` is null where nobody was recognised, `endpoint` where nobody answered."""

    id: str
    request_id: str
    started_at: str
    method: str
    path: str
    model: str | None
    endpoint: dict[str, str] | None
    runtime: str | None
    who: dict[str, str] | None
    address: str
    status: int
    outcome: Literal["ok", "refused", "failed", "cancelled"]
    error_code: str | None
    streamed: bool
    duration_ms: float
    queued_ms: float
    first_token_ms: float | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    total_tokens: int
    request_bytes: int
    answer_bytes: int


class RequestRecording(Open):
    """What is kept of requests, and whether it can be written now; `lost` counts since the start."""

    keep: Literal["full", "numbers", "off"]
    paused: bool
    reason: str | None
    since: str | None
    waiting: int
    lost: int


class Requests(Open):
    requests: list[RequestSummary]
    total: int
    page: int
    per_page: int
    recording: RequestRecording


class RequestFilter(Open):
    """A value of a filter (`id`), what it is called, and how many requests of the history have it."""

    id: str
    name: str
    requests: int


class RequestFilters(Open):
    """By the name of the filter."""

    model: list[RequestFilter]
    endpoint: list[RequestFilter]
    runtime: list[RequestFilter]
    user: list[RequestFilter]


class RequestDetail(RequestSummary):
    """The bodies are JSON, or texts where they were cut; media are redacted. Null: not kept."""

    request_body: Any
    answer_body: Any


class RequestDetails(RootModel[list[RequestDetail]]):
    """The export."""
