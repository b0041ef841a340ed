"""Messages between machines as JSON. Unknown fields are ignored, missing ones have their defaults."""

from typing import TypeVar

import msgspec

_M = TypeVar("_M", bound=msgspec.Struct)


class Malformed(ValueError):
    """Not such a message."""


def encode(message: msgspec.Struct) -> bytes:
    """As JSON."""
    return msgspec.json.encode(message)


def decode(kind: type[_M], data: bytes) -> _M:
    """Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not such a message: {error}") from error
