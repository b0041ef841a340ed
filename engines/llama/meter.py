"""What the decode loop measures about itself: speeds, load and the longest gap between two tokens."""

from collections import deque

from corral.engines.model import LiveNumbers

_WINDOW_S = 5.0
_SMOOTHING = 0.3  # weight of the newest prefill speed


class Meter:
    """Fed by the loop; `numbers` may be read from any thread."""

    def __init__(self) -> None:
        self.prefill_tokens_per_s = 0.0
        self._active = self._queued = self._cached = self._steps = 0
        self._native_s = self._python_s = self._longest_gap_s = 0.0
        self._recent: deque[tuple[float, int]] = deque()  # (time, tokens generated)
        self._rate = 0.0

    def load(self, *, active: int, queued: int, cached: int) -> None:
        self._active, self._queued, self._cached = active, queued, cached

    def idle(self) -> None:
        self._active = self._queued = 0
        self._rate = 0.0
        self._recent.clear()

    def token(self, previous: float, now: float) -> None:
        """A sequence got a token at `now`; its one before came at `previous` (0: this is its first)."""
        if previous:
            self._longest_gap_s = max(self._longest_gap_s, now - previous)

    def step(
        self, *, began: float, native_s: float, ended: float, prompt_tokens: int, generated: int
    ) -> None:
        """One step is over. Times in seconds, monotonic."""
        self._steps += 1
        self._native_s += native_s
        self._python_s += ended - began - native_s
        if prompt_tokens > generated:  # mostly prompt: a fair sample of the reading speed
            speed = (prompt_tokens + generated) / max(native_s, 1e-6)
            known = self.prefill_tokens_per_s
            self.prefill_tokens_per_s = speed if not known else known + _SMOOTHING * (speed - known)
        self._recent.append((ended, generated))
        while self._recent[0][0] < ended - _WINDOW_S:
            self._recent.popleft()
        span = ended - self._recent[0][0]
        self._rate = sum(count for _, count in self._recent) / span if span > 0 else 0.0

    def numbers(self) -> LiveNumbers:
        return LiveNumbers(
            active=self._active,
            queued=self._queued,
            tokens_per_s=self._rate,
            cached_tokens=self._cached,
            steps=self._steps,
            step_native_s=self._native_s,
            step_python_s=self._python_s,
            longest_gap_s=self._longest_gap_s,
        )
