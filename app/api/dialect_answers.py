"""Shapes of the answers to Anthropic's and Ollama's clients, for the OpenAPI document. What they leave open may grow."""

from typing import Any, Literal

from corral.app.api.answers import Open
from corral.app.json_shape import JsonShape


class AnthropicErrorObject(JsonShape):
    type: str
    message: str


class AnthropicError(Open):
    """How Anthropic's clients expect errors."""

    type: Literal["error"]
    error: AnthropicErrorObject


class AnthropicMessage(Open):
    """Streams send Anthropic's events instead."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: str | None
    stop_sequence: str | None
    usage: dict[str, int]


class TokenCount(Open):
    input_tokens: int


class OllamaError(Open):
    """How Ollama's clients expect errors."""

    error: str


class OllamaAnswer(Open):
    """Of a chat (`message`) or a prompt (`response`). Streams send such objects, one a line."""

    model: str
    created_at: str
    done: bool


class OllamaEmbeddings(Open):
    model: str
    embeddings: list[list[float]]


class OllamaEmbedding(Open):
    embedding: list[float]


class OllamaModel(Open):
    name: str
    model: str
    size: int
    digest: str
    details: dict[str, Any]


class OllamaModels(Open):
    models: list[OllamaModel]


class OllamaShown(Open):
    details: dict[str, Any]
    model_info: dict[str, Any]
    capabilities: list[str]


class OllamaStatus(Open):
    """Streams send such objects, one a line."""

    status: str


class OllamaVersion(Open):
    version: str
