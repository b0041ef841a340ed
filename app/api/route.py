"""A row of the route table, from which both the server and the OpenAPI document are made."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel

from corral.app.api.call import Call
from corral.app.gateway.endpoint import GatewayResponse

Handler = Callable[[Call], Awaitable[GatewayResponse]]

MIB = 1024 * 1024
INFERENCE_BODY_BYTES = 32 * MIB
OTHER_BODY_BYTES = MIB
JSON = "application/json"
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path. `path` is written as werkzeug does: `/v1/models/<path:id>`."""

    method: str
    path: str
    handler: Handler
    summary: str
    scope: str | None = None  # of the API key; None: no credentials needed
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    answer_types: tuple[str, ...] = (JSON,)
    answer_statuses: tuple[int, ...] = (200,)  # all those with this answer
    errors: tuple[int, ...] = ()  # statuses besides those that scope and body bring
    needs_ready: bool = False  # 503 while the node starts or stops

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(match["name"] for match in _PARAMETER.finditer(self.path))

    @property
    def document_path(self) -> str:
        """As OpenAPI writes it: `/v1/models/{id}`."""
        return _PARAMETER.sub(r"{\g<name>}", self.path)


def body_limit(path: str) -> int:
    """Bytes that a request's body may have."""
    return INFERENCE_BODY_BYTES if is_inference(path) else OTHER_BODY_BYTES


def is_inference(path: str) -> bool:
    """Whether a path belongs to the OpenAI side, where CORS and large bodies are possible."""
    return path.startswith("/v1/") or path in ("/rerank", "/v2/rerank")
