"""A bound of bytes per second, shared by all that go through it, each in its turn."""

import asyncio
import time
from collections.abc import Callable

_SAVED_S = 0.25  # what was not used for longer is lost
_LEAST_PORTION_BYTES = 1024


class Throttle:
    """Without a bound it lets everything through."""

    def __init__(self, bytes_per_s: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._free_at = float("-inf")  # when all that was taken so far will have gone

    def portion(self, most_bytes: int) -> int:
        """So much should be taken in one go, that none has to wait long."""
        if self._bytes_per_s is None:
            return most_bytes
        return min(most_bytes, max(_LEAST_PORTION_BYTES, self._bytes_per_s // 4))

    def delay_s(self, count: int) -> float:
        """Take so many bytes; how long to wait before they may go."""
        if self._bytes_per_s is None:
            return 0.0
        now = self._clock()
        begin = max(self._free_at, now - _SAVED_S)
        self._free_at = begin + count / self._bytes_per_s
        return max(0.0, begin - now)

    async def take(self, count: int) -> None:
        """Returns when so many bytes may go."""
        if (delay_s := self.delay_s(count)) > 0:
            await asyncio.sleep(delay_s)
