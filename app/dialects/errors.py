"""Errors in the shape that a client of each dialect expects. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from corral.app.dialects.anthropic.errors import anthropic_error
from corral.app.dialects.dialect import Dialect
from corral.app.dialects.ollama.errors import ollama_error
from corral.app.openai import sse

ErrorObject = Mapping[str, Any]  # OpenAI's: message, type, param, code


def error_document(
    dialect: Dialect, error: ErrorObject, *, status: int, request_id: str | None = None
) -> dict[str, Any]:
    """The JSON of an answer with this status."""
    if dialect is Dialect.ANTHROPIC:
        return anthropic_error(error, status=status, request_id=request_id)
    if dialect is Dialect.OLLAMA:
        return ollama_error(error)
    return {"error": error}


def last_words(dialect: Dialect, error: ErrorObject, *, status: int) -> bytes:
    """The end of a stream that breaks off; `status` is what it would have been before the stream began."""
    document = orjson.dumps(error_document(dialect, error, status=status))
    if dialect is Dialect.ANTHROPIC:
        return b"event: error\n" + sse.event(document)
    return document + b"\n" if dialect is Dialect.OLLAMA else sse.event(document) + sse.DONE
