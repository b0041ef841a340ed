"""A row of the route table, from which both the server and the OpenAPI document are made."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from corral.app.api.call import Call
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import Access

Handler = Callable[[Call], Awaitable[GatewayResponse]]

MIB = 1024 * 1024
INFERENCE_BODY_BYTES = 32 * MIB
UPLOAD_BODY_BYTES = 100 * MIB
OTHER_BODY_BYTES = MIB
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
JSON_LINES = "application/x-ndjson"
TEXT = "text/plain"
UPLOADS = frozenset(
    {"/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations"}
)
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter in the query of a URL, as the OpenAPI document shows it; the handler checks it."""

    name: str
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path. `path` is written as werkzeug does: `/v1/models/<path:id>`."""

    method: str
    path: str
    handler: Handler
    summary: str
    access: Access | None = None  # None: no credentials needed
    body: type[BaseModel] | None = None
    form: bool = False  # the body is multipart/form-data instead of JSON
    answer: type[BaseModel] | None = None
    answer_types: tuple[str, ...] = (JSON,)
    answer_statuses: tuple[int, ...] = (200,)  # all those with this answer
    errors: tuple[int, ...] = ()  # statuses besides those that scope and body bring
    queries: tuple[Query, ...] = ()
    error: type[BaseModel] | None = None  # the shape of errors where it isn't OpenAI's
    any_media_type: bool = False  # a body is JSON whatever the request calls it
    manages: bool = False  # a write of management outside /v0
    needs_ready: bool = False  # 503 while the node starts or stops
    recorded: bool = False  # in the history
    routine: bool = False  # a write that machines make again and again: not for the audit log
    node_local: bool = False  # about this very node: answered here, also when another one is the router

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(match["name"] for match in _PARAMETER.finditer(self.path))

    @property
    def checks_host(self) -> bool:
        """Whether the Host header must be one of ours: all but inference and what is open by nature."""
        return self.path.startswith(("/v0/", "/log/", "/dashboard", "/playground"))

    @property
    def audited(self) -> bool:
        """Whether the audit log has it: every management write but those that machines make again and again."""
        return (self.checks_host or self.manages) and self.method != "GET" and not self.routine

    @property
    def document_path(self) -> str:
        """As OpenAPI writes it: `/v1/models/{id}`."""
        return _PARAMETER.sub(r"{\g<name>}", self.path)


def body_limit(path: str) -> int:
    """Bytes that a request's body may have."""
    if path in UPLOADS:
        return UPLOAD_BODY_BYTES
    return INFERENCE_BODY_BYTES if is_inference(path) else OTHER_BODY_BYTES


def is_inference(path: str) -> bool:
    """Whether a path is for clients of models, whatever their dialect: there CORS and large bodies are possible."""
    return path.startswith(("/v1/", "/api/")) or path in ("/rerank", "/v2/rerank")
