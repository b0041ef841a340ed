"""What it means when a provider answers with another status than 200, and what clients get to read. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from corral.app.cloud.errors import CloudFailed, CloudKeyRefused, CloudRefused
from corral.app.cloud.providers import Provider
from corral.app.secrets_mask import MASK, masked_text
from corral.app.upstream.refusal import message_of, refused

_TYPES = {404: "not_found_error", 409: "conflict_error", 429: "rate_limit_error"}
_CODES = {404: "model_not_found", 413: "body_too_large", 429: "rate_limit_exceeded"}
_TOO_LONG = re.compile(r"prompt is too long|exceeds? the maximum number of (?:input )?tokens", re.IGNORECASE)


def refusal(
    provider: Provider, status: int, body: bytes, *, api_key: str, retry_after_s: float | None
) -> CloudFailed | CloudRefused:
    """Why there is no answer. Nothing that clients get to see has the key in it."""
    said = _without_key(message_of(body), api_key)
    if status == 401 or _names_the_key(body):
        return CloudKeyRefused(provider.title, provider.name, status)
    if status in (403, 407):
        return CloudKeyRefused(provider.title, provider.name, status, said)
    if 300 <= status < 400:
        return CloudFailed(f"{provider.title} redirects to another address; correct its base URL")
    if not 400 <= status < 500:
        words = f": {said}" if said else ""
        return CloudFailed(f"{provider.title} failed with status {status}{words}")
    wait_s = None if retry_after_s is None else max(1, round(retry_after_s))
    return CloudRefused(status, _told(provider, status, body, said), retry_after_s=wait_s)


def _told(provider: Provider, status: int, body: bytes, said: str) -> dict[str, Any]:
    given = refused(status, body)
    own_code = given["code"] if given["code"] != "invalid_value" else None
    code = own_code or ("context_length_exceeded" if _TOO_LONG.search(said) else _CODES.get(status))
    return {
        "message": said or f"{provider.title} refused this request with status {status}",
        "type": _TYPES.get(status, "invalid_request_error"),
        "param": "model" if status == 404 and given["param"] is None else given["param"],
        "code": code or "invalid_value",
    }


def _names_the_key(body: bytes) -> bool:
    """Google's way to refuse a key comes with status 400."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    error = value.get("error") if isinstance(value, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    return any(
        isinstance(each, Mapping) and each.get("reason") == "API_KEY_INVALID"
        for each in (details if isinstance(details, list) else ())
    )


def _without_key(text: str, api_key: str) -> str:
    return masked_text(text.replace(api_key, MASK))
