"""What a status that is no success means, and what its client gets to read. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from corral.app.upstream.errors import NotOffered, Redirected, UpstreamBusy, UpstreamFailed, WrongKey
from corral.engines.errors import EngineError, InvalidRequest

MOST_BYTES = 256 * 1024
_MOST_MESSAGE = 2000
_MOST_RETRY_S = 3600
_UNAUTHORIZED = frozenset({401, 403, 407})
_NOT_THERE = frozenset({404, 405, 501})
_BUSY = frozenset({429, 503})


def failure(name: str, status: int, headers: Mapping[str, str], body: bytes) -> EngineError | None:
    """Why another endpoint should be asked; None if the request itself is what is wrong (4xx)."""
    said = message_of(body)
    words = f": {said}" if said else ""
    if 300 <= status < 400:
        return Redirected(
            f"the endpoint {name!r} redirects to another address; give it that one as its base URL"
        )
    if status in _UNAUTHORIZED:
        return WrongKey(
            f"the endpoint {name!r} refused the API key that is kept for it ({status}); correct it"
        )
    if status in _NOT_THERE:
        return NotOffered(f"the endpoint {name!r} doesn't offer this ({status}){words}", param="model")
    if status in _BUSY:
        retry_after_s = _seconds(headers.get("retry-after", ""))
        if status == 429 or retry_after_s is not None:
            return UpstreamBusy(
                f"the endpoint {name!r} is busy ({status}){words}", retry_after_s=retry_after_s
            )
    if 400 <= status < 500 and status != 408:
        return None
    return UpstreamFailed(f"the endpoint {name!r} failed with status {status}{words}")


def event_failure(name: str, error: Mapping[str, Any]) -> EngineError:
    """The same of an error event with which a stream began."""
    said, code = str(error.get("message") or "")[:_MOST_MESSAGE], error.get("code")
    wrong = error.get("type") == "invalid_request_error" or (type(code) is int and 400 <= code < 500)
    if wrong and code not in _UNAUTHORIZED | _BUSY:
        return InvalidRequest(said or f"the endpoint {name!r} refused the request")
    return UpstreamFailed(f"the endpoint {name!r} failed{f': {said}' if said else ''}")


def refused(status: int, body: bytes) -> dict[str, Any]:
    """OpenAI's error object for a 4xx, from whatever the server said."""
    given = _error_of(body)
    param, code = given.get("param"), given.get("code")
    return {
        "message": message_of(body) or f"the endpoint refused this request with status {status}",
        "type": "not_found_error" if status == 404 else "invalid_request_error",
        "param": param if isinstance(param, str) else None,
        "code": code if isinstance(code, str) and code else "invalid_value",
    }


def message_of(body: bytes) -> str:
    """The words of an error answer: OpenAI's, FastAPI's, Ollama's, or its text; never a page of HTML."""
    error = _error_of(body)
    if message := error.get("message"):
        return str(message)[:_MOST_MESSAGE]
    text = body[:_MOST_MESSAGE].decode("utf-8", "replace").strip()
    return "" if error or text.startswith(("<", "{", "[")) else text


def _error_of(body: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(value, dict):
        return {}
    error = value.get("error")
    if isinstance(error, dict):
        return error
    said = error or value.get("message") or value.get("detail")
    return {"message": said if isinstance(said, str) else orjson.dumps(said).decode()} if said else {}


def _seconds(retry_after: str) -> int | None:
    """Of a Retry-After header; its form with a date counts as unknown."""
    text = retry_after.strip()
    return min(int(text), _MOST_RETRY_S) if text.isascii() and text.isdigit() else None
