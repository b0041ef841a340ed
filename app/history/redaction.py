"""What the history keeps of a body: JSON without media, long number lists and secrets, and not without end. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from corral.app.any_of import AnyOf, Pattern
from corral.app.secrets_mask import HINTS, MASK, masked_text

MAX_TEXT = 256 * 1024  # characters of one side of a request
_MAX_DEPTH = 64
_LONG_BASE64 = 256  # characters; shorter ones may be words
_MANY_NUMBERS = 32
SECRET_NAMES = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "client_secret",
        "cookie",
        "password",
        "refresh_token",
        "secret",
        "x_api_key",
    }
)
_TOO_DEEP = "[nested too deep]"
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w=.+-]+)*);base64,([A-Za-z0-9+/=_%-]+)")
# Names of secrets, in lower case, that have none of HINTS in them; and what may stand for a letter of what is looked for.
_TELLTALES = AnyOf(
    *HINTS,
    *("access_token", "access-token", "refresh_token", "refresh-token"),
    *("base64,", r"\u", r"\/"),
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_MANY_COMMAS = Pattern(rf',(?:[^",]*,){{{_MANY_NUMBERS - 1}}}')  # with no quotation mark between them


def redacted(value: Any, *, depth: int = 0) -> Any:
    """The same JSON value without what the history must not keep."""
    if isinstance(value, str):
        return redacted_text(value)
    if depth > _MAX_DEPTH:
        return _TOO_DEEP
    if isinstance(value, Mapping):
        return {
            name: MASK if _names_a_secret(name) and each else redacted(each, depth=depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return _numbers(value) or [redacted(each, depth=depth + 1) for each in value]
    return value


def _numbers(value: list[Any]) -> str | None:
    """What stands for a long list of numbers."""
    if len(value) > _MANY_NUMBERS and all(type(each) in (int, float) for each in value):
        return f"[{len(value)} numbers]"
    return None


def redacted_text(text: str) -> str:
    """A text without data URLs, encoded files and secrets."""
    if len(text) >= _LONG_BASE64 and " " not in text and _BASE64.fullmatch(text):
        return f"[redacted base64 len={len(text)}]"
    if "base64," in text:
        text = _DATA_URL.sub(_media, text)
    return masked_text(text)


def kept(source: str, *, harmless: bool, document: dict[str, Any] | None = None) -> str:
    """What the history keeps of a body as it went over the wire, or of a `document` that was made here and its JSON.

    JSON, or a text that isn't. `harmless`: `is_harmless` of the source, or of a text that it is a part of; most have nothing
    to take out and stay as they came, unread, however deeply nested. Takes time with long ones.
    """
    if harmless and is_light(source):
        return source
    value: Any = document
    if document is None:
        try:
            value = orjson.loads(source)
        except orjson.JSONDecodeError:
            return cut(redacted_text(source[: 4 * MAX_TEXT]))
    return kept_text(_lightened(value) if harmless else redacted(value))


def readable(body: str) -> Any:
    """What was kept, for a document in JSON: JSON where it is, not nested too deeply; a text that was cut stays a text."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return _lightened(value) if body.count("[") + body.count("{") > _MAX_DEPTH else value


def is_harmless(source: str) -> bool:
    """Whether no value of a JSON text, or of several, can hold a secret or a data URL: one look instead of one at each value."""
    return not _TELLTALES.may_be_in(source.lower())


def is_light(source: str) -> bool:
    """Whether there can be no encoded file and no long list of numbers in a JSON text or in several, nor more than may be kept."""
    # Neither a file nor a list has a quotation mark in it, so it would be one of the parts between them.
    return len(source) <= MAX_TEXT and not _MANY_COMMAS.may_be_in(source) and not _has_long_word(source)


def _has_long_word(source: str) -> bool:
    """Whether one of the parts between quotation marks is as long as an encoded file and has no space."""
    start = 0
    while len(source) - start >= _LONG_BASE64:
        quote = source.rfind('"', start, start + _LONG_BASE64)
        if quote < 0:
            quote = source.find('"', start)
            quote = len(source) if quote < 0 else quote
            if " " not in source[start:quote]:
                return True
        start = quote + 1
    return False


def _lightened(value: Any, depth: int = 0) -> Any:
    """`redacted`, where nothing is secret: without encoded files and long number lists."""
    kind = type(value)
    if kind is str:
        long = len(value) >= _LONG_BASE64 and " " not in value
        return redacted_text(value) if long else value
    if depth > _MAX_DEPTH:
        return _TOO_DEEP
    if kind is dict:
        return {name: _lightened(each, depth + 1) for name, each in value.items()}
    if kind is list:
        return _numbers(value) or [_lightened(each, depth + 1) for each in value]
    return value


def kept_text(value: Any) -> str:
    """A redacted value as the history keeps it: JSON, a text as it is; cut if it is too long."""
    return cut(
        value if isinstance(value, str) else orjson.dumps(value, default=str).decode("utf-8", "replace")
    )


def cut(text: str) -> str:
    """At most MAX_TEXT characters, and a word about the rest."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… [cut, {len(text) - MAX_TEXT} characters]"


def _media(match: re.Match[str]) -> str:
    return f"[redacted {match[1] or 'data'} len={len(match[3])}]"


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return name.lower().replace("-", "_") in SECRET_NAMES
