"""What the router knows of one runtime besides its record: heartbeats, samples, models. In memory only."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from corral.app.runtimes.health import Facts
from corral.app.runtimes.heartbeat import Heartbeat
from corral.app.runtimes.model_list import NOTHING, Listing, with_heartbeat
from corral.app.telemetry import INTERVAL_S, SAMPLES


class LiveRuntime:
    """Times are Unix time in seconds."""

    def __init__(self, *, known_since: float) -> None:
        self.facts = Facts(known_since=known_since)
        self.beat: Heartbeat | None = None
        self.listing = NOTHING
        self.others_active = 0  # requests there that did not come through this node, at the last heartbeat
        self._samples: deque[tuple[float, Heartbeat]] = deque(maxlen=SAMPLES)

    @property
    def samples(self) -> Sequence[tuple[float, Heartbeat]]:
        """One heartbeat of each ten seconds of the last hour, oldest first."""
        return tuple(self._samples)

    def registered(self, now: float) -> None:
        """It registered again: whatever was known of it may be wrong now."""
        self.facts = Facts(known_since=now)
        self.beat = None

    def taken_over(self, now: float) -> None:
        """This node is the router now, and may have been one before: it missed what the runtime said meanwhile."""
        self.facts = replace(self.facts, known_since=now, failures=0, wants_probe=True)

    def hear(self, beat: Heartbeat, *, ours: int, now: float) -> None:
        """Take a heartbeat; `ours` of its requests come through this node. Another set of loaded models, or that it is ready now, are reasons to look at its models."""
        before = self.beat
        changed = before is None or before.loaded != beat.loaded or before.initializing != beat.initializing
        self.facts = replace(
            self.facts,
            heard_at=now,
            initializing=beat.initializing,
            wants_probe=self.facts.wants_probe or changed,
        )
        self.beat = beat
        self.others_active = max(0, beat.active_requests - ours)
        if not self._samples or now - self._samples[-1][0] >= INTERVAL_S:
            self._samples.append((now, beat))

    def trying(self, now: float) -> None:
        """Its models are asked for."""
        self.facts = replace(self.facts, tried_at=now, wants_probe=False)

    def reached(self, listing: Listing, *, now: float) -> None:
        """It has these models."""
        self.listing = with_heartbeat(listing, self.beat)
        self.facts = replace(self.facts, reached_at=now, failures=0, error=None)

    def not_reached(self, error: str) -> None:
        """It did not say which models it has; those that were known stay."""
        self.facts = replace(self.facts, failures=self.facts.failures + 1, error=error)
