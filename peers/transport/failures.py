"""Addresses whose handshakes fail and fail: a handshake costs more than a connection, so they get no more of them for a while."""

from collections import OrderedDict
from typing import Final

MOST_AT_ONCE: Final = 64
PER_SECOND: Final = 8.0
MOST_ADDRESSES: Final = 256


class Failures:
    """Counts them, in bounded memory. `now` is in seconds of a clock that doesn't jump."""

    def __init__(self) -> None:
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level and when; oldest first

    def failed(self, host: str, now: float) -> None:
        """A handshake with this address ended badly."""
        self._levels[host] = (self._level(host, now) + 1, now)
        self._levels.move_to_end(host)
        if len(self._levels) > MOST_ADDRESSES:
            self._levels.popitem(last=False)

    def too_many(self, host: str, now: float) -> bool:
        """Whether it has had its share for now."""
        return self._level(host, now) >= MOST_AT_ONCE

    def _level(self, host: str, now: float) -> float:
        level, at = self._levels.get(host, (0.0, now))
        return max(0.0, level - (now - at) * PER_SECOND)
