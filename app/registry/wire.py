"""What one machine asks of another about registered models, as JSON over the peer port.

POST /peer/pull      an `Order`: download this model; answered with a `CopyLive`
POST /peer/remove    `Remove`: remove a model's files; answered with `Removed`
A refusal has status 400, 404, 409, 502 or 507 and says why as `Refusal`.
"""

from typing import TypeVar

import msgspec

from corral.app.model_copy.wire import Malformed, Refusal
from corral.app.serving.load_report import Count, Name

PULL_PATH = "/peer/pull"
REMOVE_PATH = "/peer/remove"


class Remove(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a model's files."""

    model: Name


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """They are gone."""

    freed_bytes: Count = 0


_M = TypeVar("_M", Remove, Removed, Refusal)


def encode(message: Remove | Removed | Refusal) -> bytes:
    """As JSON."""
    return msgspec.json.encode(message)


def decode(kind: type[_M], data: bytes) -> _M:
    """Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not such a message: {error}") from error
