"""Shapes of the answers, for the OpenAPI document. What they leave open may grow."""

from typing import Any, Literal

from pydantic import ConfigDict

from corral.app.json_shape import JsonShape


class Open(JsonShape):
    """Answers may have more fields than are documented."""

    model_config = ConfigDict(extra="allow")


class ErrorObject(JsonShape):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(JsonShape):
    """The one error shape."""

    error: ErrorObject


class Usage(Open):
    prompt_tokens: int
    total_tokens: int


class ChatMessageAnswer(Open):
    role: Literal["assistant"]
    content: str | None


class ChatChoice(Open):
    index: int
    message: ChatMessageAnswer
    finish_reason: str
    logprobs: dict[str, Any] | None


class ChatCompletion(Open):
    """Streams send `chat.completion.chunk` objects instead."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class Spoken(Open):
    """Other formats than JSON come as text."""

    text: str


class Picture(Open):
    b64_json: str | None = None
    url: str | None = None


class Pictures(Open):
    """With `stream` the pictures come as events instead."""

    created: int
    data: list[Picture]


class CompletionChoice(Open):
    index: int
    text: str
    finish_reason: str
    logprobs: dict[str, Any] | None


class Completion(Open):
    """Streams send objects of the same kind with the next piece of text."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


class Embedding(Open):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Embeddings(Open):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class RankedDocument(Open):
    index: int
    relevance_score: float


class Ranking(Open):
    results: list[RankedDocument]
    usage: Usage


class Response(Open):
    """Streams send the Responses API's events instead."""

    id: str
    object: Literal["response"]
    created_at: int
    status: str
    model: str
    output: list[dict[str, Any]]


class DeletedResponse(Open):
    id: str
    object: Literal["response.deleted"]
    deleted: bool


class InputItems(Open):
    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Model(Open):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    capabilities: dict[str, bool]
    ready: bool
    lifecycle_status: Literal["pending", "caching", "registered", "error"]
    download_progress: dict[str, Any] | None
    context_length: int
    size_bytes: int
    quantization: str
    nodes: list[str]


class Models(Open):
    object: Literal["list"]
    data: list[Model]


class NodeModel(Open):
    """A model of this node with its live numbers."""

    name: str
    size_bytes: int
    lifecycle: Literal["on_disk", "loading", "loaded", "error"]
    progress: float
    error: str | None
    loaded: dict[str, Any] | None
    live: dict[str, Any]
    memory_bytes: int
    idle_s: float | None


class NodeModels(Open):
    models: list[NodeModel]
    total: int


class Loaded(Open):
    loaded: dict[str, Any]


class Unloaded(Open):
    unloaded: bool


class Sharing(Open):
    paused: bool


class Window(Open):
    shown: bool


class Stopping(Open):
    stopping: bool


class ApiKey(Open):
    """Times are RFC 3339."""

    id: str
    name: str
    key_prefix: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    requests_per_minute: int | None
    requests_per_day: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None


class NewApiKey(ApiKey):
    """`key` is shown in this answer and never again."""

    key: str


class ApiKeys(Open):
    api_keys: list[ApiKey]
    total: int


class Revoked(Open):
    revoked: bool


class AuditEntry(Open):
    """`who` is null where nobody was recognised."""

    id: str
    at: str
    who: dict[str, str] | None
    address: str
    action: str
    method: str
    path: str
    status: int
    request_id: str
    details: dict[str, Any]


class AuditEntries(Open):
    entries: list[AuditEntry]
    total: int


class Health(Open):
    status: Literal["starting", "ok", "draining"]
    node: str
    role: Literal["router", "follower", "alone"]
    version: str
    sharing: Literal["on", "paused"]
    recording: Literal["ok", "paused"]


class Startup(Open):
    status: Literal["starting", "ready"]


class System(Open):
    version: str
    node: str
    role: str
    cluster: str | None
    router_url: str | None


class Document(Open):
    openapi: str
    paths: dict[str, Any]
