"""Anthropic's error shape. Pure."""

from collections.abc import Mapping
from typing import Any

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_CLIENTS_FAULT = range(400, 500)


def anthropic_error(
    error: Mapping[str, Any], *, status: int, request_id: str | None = None
) -> dict[str, Any]:
    """The document for OpenAI's error object `error`.

    There is no place for a code in it: what clients look for stands in the message. Claude Code shortens its
    conversation when a prompt "is too long".
    """
    message = str(error.get("message") or "something went wrong")
    if error.get("code") == "context_length_exceeded":
        message = f"prompt is too long: {message}"
    document: dict[str, Any] = {"type": "error", "error": {"type": error_type(status), "message": message}}
    return document if request_id is None else document | {"request_id": request_id}


def error_type(status: int) -> str:
    """What an error with this status is called."""
    return _TYPES.get(status, "invalid_request_error" if status in _CLIENTS_FAULT else "api_error")
