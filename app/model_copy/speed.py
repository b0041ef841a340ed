"""How fast bytes come, over the last seconds. Pure."""

from collections import deque

_WINDOW_S = 5.0
_GRAIN_S = 0.1  # what comes within it is one entry


class Speed:
    """`now` is any clock in seconds that only goes forward."""

    def __init__(self) -> None:
        self._came: deque[tuple[float, int]] = deque()
        self._began_at: float | None = None

    def note(self, count: int, now: float) -> None:
        """So many bytes came."""
        if self._began_at is None:
            self._began_at = now
        if self._came and now - self._came[-1][0] < _GRAIN_S:
            at, before = self._came[-1]
            self._came[-1] = (at, before + count)
        else:
            self._came.append((now, count))

    def bytes_per_s(self, now: float) -> int:
        """0 before the first byte."""
        while self._came and self._came[0][0] < now - _WINDOW_S:
            self._came.popleft()
        if self._began_at is None:
            return 0
        seconds = min(_WINDOW_S, max(_GRAIN_S, now - self._began_at))
        return round(sum(count for _, count in self._came) / seconds)
