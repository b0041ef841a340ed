"""A request's JSON body: media type, syntax, depth. Pure."""

from typing import Any

import orjson

from corral.app.api.request_errors import BadRequest, InvalidJson, UnsupportedMediaType

MAX_DEPTH = 128


def check_media_type(content_type: str) -> None:
    """JSON under any of its names; a missing type is taken for JSON. Raises UnsupportedMediaType."""
    name = content_type.partition(";")[0].strip().lower()
    if (
        name
        and name != "application/json"
        and not (name.startswith("application/") and name.endswith("+json"))
    ):
        raise UnsupportedMediaType(content_type)


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises InvalidJson or BadRequest."""
    if not body.strip():
        raise InvalidJson("the request's body is empty; it must be a JSON object")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(f"the request's body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("the request's body must be a JSON object")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise InvalidJson(f"the request's body is nested more than {MAX_DEPTH} levels deep")
    return value


def _deeper_than(value: object, limit: int) -> bool:
    """Level by level, so that no depth can exhaust the stack."""
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
