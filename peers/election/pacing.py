"""When a node beats, out of turn too, and whom it tells."""

from collections.abc import Sequence

from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId


class Pacing:
    """The schedule of one node's beats; a budget keeps those out of turn rare."""

    def __init__(self, timing: Timing, now: float) -> None:
        self._timing = timing
        self._turn = 0
        self._sent_at = now - timing.tick
        self._credit = timing.relay_burst
        self._credit_at = now
        self.next_beat = now
        self.next_relay: float | None = None  # one out of turn waits for this time

    def begin(self, now: float) -> None:
        """The regular beat goes out now."""
        self._turn += 1
        self._sent_at = now
        self.next_relay = None
        self.next_beat += self._timing.tick
        if self.next_beat <= now:
            self.next_beat = now + self._timing.tick

    def want_relay(self, now: float) -> None:
        """Something is worth telling before the next beat: set the time when the budget allows it."""
        if self.next_relay is not None:
            return
        self._refill(now)
        wait_s = max(0.0, (1.0 - self._credit) / self._timing.relay_rate)
        self.next_relay = max(now + wait_s, self._sent_at + self._timing.relay_gap)

    def begin_relay(self, now: float) -> None:
        """A beat out of turn goes out now."""
        self._refill(now)
        self._credit -= 1.0
        self._sent_at = now
        self.next_relay = None

    def tells_router(self, *, settled: bool) -> bool:
        """Whether a follower's router hears this beat."""
        return not settled or self._turn % self._timing.calm_ticks == 0

    def router_s(self, *, settled: bool) -> float:
        """How long it takes until the router hears the next one."""
        return self._timing.tick * (self._timing.calm_ticks if settled else 1)

    def rotation(self, others: Sequence[NodeId], *, settled: bool) -> Sequence[NodeId]:
        """Which of the other followers hear this beat where not all do."""
        timing = self._timing
        every = timing.slow_ticks if settled else 1
        if self._turn % every or not others:
            return ()
        start = (self._turn // every) * timing.rotating % len(others)
        return [others[(start + step) % len(others)] for step in range(min(timing.rotating, len(others)))]

    def rotation_s(self, others: int, *, settled: bool) -> float:
        """How long it takes until every other follower has heard one."""
        rounds = -(-others // self._timing.rotating)
        return rounds * self._timing.tick * (self._timing.slow_ticks if settled else 1)

    def _refill(self, now: float) -> None:
        gained = (now - self._credit_at) * self._timing.relay_rate
        self._credit = min(self._timing.relay_burst, self._credit + gained)
        self._credit_at = now
