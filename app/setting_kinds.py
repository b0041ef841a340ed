"""Kinds of setting values: what may be written, and what it means.

A value comes as text (command line, environment) or as TOML has typed it. Every reader raises ValueError or TypeError if it
is wrong; `allowed` says in words what is right.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

API_KEY = re.compile(r"sk_[A-Za-z0-9]{32}")
_NONE = {"none", "off", "unlimited", "never"}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "off": "error",
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


Form = Literal["text", "boolean", "number", "seconds", "size", "choice", "url", "path", "paths", "words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`read(value, base)` makes the value; relative paths start at `base`. The rest says how people may be asked for it."""

    allowed: str
    read: Callable[[object, Path], Any]
    form: Form = "text"
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    optional: bool = False  # may be `none`


def optional(kind: Kind) -> Kind:
    """The same, or `none`."""

    def read(value: object, base: Path) -> Any:
        if isinstance(value, str) and value.strip().lower() in _NONE:
            return None
        return kind.read(value, base)

    return replace(kind, allowed=f'{kind.allowed}, or "none"', read=read, optional=True)


def whole_number(low: int, high: int | None = None) -> Kind:
    """A whole number within limits, both included."""
    allowed = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"

    def read(value: object, _base: Path) -> int:
        number = int(value) if isinstance(value, str) else value
        if type(number) is not int or number < low or (high is not None and number > high):
            raise ValueError(value)
        return number

    return Kind(allowed=allowed, read=read, form="number", low=low, high=high)


def _read_seconds(value: object, _base: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(value)
    number = float(value)
    if not 0 < number < float("inf"):
        raise ValueError(value)
    return number


def _read_size(value: object, _base: Path) -> int:
    if type(value) is int and value > 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(value)
    number, unit, binary = match.groups()
    size_bytes = int(float(number) * (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " "))
    if size_bytes <= 0:
        raise ValueError(value)
    return size_bytes


def _read_text(value: object, _base: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return value.strip()


def _read_boolean(value: object, _base: Path) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _TRUE | _FALSE:
        raise ValueError(value)
    return word in _TRUE


def _read_level(value: object, _base: Path) -> str:
    """Also a filter as other programs write it (`info,http=warn`): its part that is a level alone counts, else info."""
    words = [word.strip() for word in value.lower().split(",")] if isinstance(value, str) else []
    levels = [_LEVELS[word] for word in words if word in _LEVELS]
    if not levels and not any("=" in word for word in words):
        raise ValueError(value)
    return levels[0] if levels else "info"


def _read_path(value: object, base: Path) -> Path:
    text = os.fspath(value) if isinstance(value, str | Path) else ""
    if not text or "\0" in text:
        raise ValueError(value)
    return Path(os.path.normpath(base / Path(text).expanduser()))


def _read_paths(value: object, base: Path) -> tuple[Path, ...]:
    return tuple(_read_path(part, base) for part in _parts(value, os.pathsep))


def _read_words(value: object, base: Path) -> tuple[str, ...]:
    return tuple(_read_text(part, base) for part in _parts(value, ","))


def _parts(value: object, separator: str) -> Sequence[object]:
    if isinstance(value, str):
        return [part for part in value.split(separator) if part.strip()]
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    return value


def _read_api_key(value: object, _base: Path) -> str:
    if not isinstance(value, str) or not API_KEY.fullmatch(value):
        raise ValueError("not a key")
    return value


def long_text(characters: int) -> Kind:
    """A text of a least length."""

    def read(value: object, base: Path) -> str:
        if len(read_text := _read_text(value, base)) < characters:
            raise ValueError("too short")
        return read_text

    return Kind(allowed=f"a text of at least {characters} characters", read=read)


def one_of(*words: str) -> Kind:
    """One of some words, in whatever case."""

    def read(value: object, base: Path) -> str:
        word = _read_text(value, base).lower()
        if word not in words:
            raise ValueError(value)
        return word

    return Kind(allowed=" or ".join(words), read=read, form="choice", choices=words)


def _read_url(value: object, base: Path) -> str:
    """Without a slash at the end."""
    text = _read_text(value, base).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(value)
    return text


HISTORY = one_of("full", "numbers", "off")
ROUTER = one_of("auto", "prefer", "never")
URL = Kind(allowed="an http or https address", read=_read_url, form="url")
TEXT = Kind(allowed="a text", read=_read_text)
BOOLEAN = Kind(allowed="true or false", read=_read_boolean, form="boolean")
SECONDS = Kind(allowed="a number of seconds above 0", read=_read_seconds, form="seconds")
SIZE = Kind(allowed='a number of bytes, or a size such as "8GB" or "8GiB"', read=_read_size, form="size")
PORT = whole_number(0, 65535)
LOG_LEVEL = Kind(
    allowed="debug, info, warning or error",
    read=_read_level,
    form="choice",
    choices=("debug", "info", "warning", "error"),
)
PATH = Kind(allowed="a path", read=_read_path, form="path")
PATHS = Kind(
    allowed="paths (a list; in the environment separated as PATH is)", read=_read_paths, form="paths"
)
WORDS = Kind(allowed="texts (a list; in the environment separated by commas)", read=_read_words, form="words")
KEY = Kind(allowed='"sk_" and 32 letters and digits', read=_read_api_key)
