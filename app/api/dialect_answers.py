"""Shapes of the answers to Anthropic's and Ollama's clients, for the OpenAPI document. What they leave open may grow."""

from typing import Any, Literal

from pydantic import BaseModel

from corral.app.api.answers import Open


class AnthropicErrorObject(BaseModel):
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
