"""Ids that sort by the time they were made (UUID version 7, RFC 9562)."""

import secrets
import uuid

_RANDOM_BITS = 74


def new_id(now: float) -> str:
    """A new id; `now` is Unix time in seconds."""
    random = secrets.randbits(_RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    milliseconds = int(now * 1000) & ((1 << 48) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))
