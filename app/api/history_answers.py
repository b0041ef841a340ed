"""Shapes of the history's answers, for the OpenAPI document."""

from typing import Any

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
    path: str
    model: str | None
    endpoint: dict[str, str] | None
    runtime: str | None
    who: dict[str, str] | None
    address: str
    status: int
    outcome: str
    duration_ms: float
    prompt_tokens: int
    completion_tokens: int


class Requests(Open):
    requests: list[RequestSummary]
    total: int
    page: int
    per_page: int


class RequestDetail(RequestSummary):
    """The bodies are JSON, or texts where they were cut; media are redacted. Null: not kept."""

    request_body: Any
    answer_body: Any


class RequestDetails(RootModel[list[RequestDetail]]):
    """The export."""
