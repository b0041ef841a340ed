"""Ids that sort by the time they were made (UUID version 7, RFC 9562)."""

import os
import struct
from collections import deque

_RANDOM_BITS = 62
_FETCHED = 256  # at a time: asking the system takes longer than all the rest
_random: deque[int] = deque()  # of the bits that were fetched, what wasn't used
_PER_MS = 4096  # parts of a millisecond that two ids can be told apart by (section 6.2, method 3)


def new_id(now: float) -> str:
    """A new id; `now` is Unix time in seconds."""
    milliseconds, part = divmod(int(now * 1000 * _PER_MS), _PER_MS)
    time = milliseconds & ((1 << 48) - 1)
    digits = f"{time << 80 | 7 << 76 | part << 64 | 2 << 62 | _random_bits():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _random_bits() -> int:
    """In any thread."""
    while True:
        try:
            return _random.pop()
        except IndexError:
            fetched = struct.unpack(f"{_FETCHED}Q", os.urandom(8 * _FETCHED))
            _random.extend(each >> (64 - _RANDOM_BITS) for each in fetched)
