"""Ids that sort by the time they were made (UUID version 7, RFC 9562)."""

import secrets

_RANDOM_BITS = 74


def new_id(now: float) -> str:
    """A new id; `now` is Unix time in seconds."""
    random = secrets.randbits(_RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    milliseconds = int(now * 1000) & ((1 << 48) - 1)
    digits = f"{milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
