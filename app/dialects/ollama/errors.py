"""Ollama's error shape. Pure."""

from collections.abc import Mapping
from typing import Any

_HINTS = {
    "missing_credentials": "this needs an API key: set OLLAMA_API_KEY, or send the header"
    " `Authorization: Bearer <key>`",
}


def ollama_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """The document for OpenAI's error object `error`. Clients know a model that isn't there by its words, too."""
    code = error.get("code")
    message = _HINTS.get(str(code)) or str(error.get("message") or "something went wrong")
    return {"error": f"model not found: {message}" if code == "model_not_found" else message}
