"""The fast path: is the router's process gone? Connections that its port refused say so."""

from corral.peers.election.messages import ClaimRef
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId


class Refusals:
    """Proof against one claim: two refused connections of mine, or one and a member's report, or two reports."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._claim: ClaimRef | None = None
        self._mine: list[float] = []
        self._reports: dict[NodeId, float] = {}

    def refused(self, claim: ClaimRef, now: float) -> float | None:
        """Note that the claim's router refused a connection of mine; when to try again, None if that was enough."""
        self._turn_to(claim)
        self._mine = [at for at in self._mine if now - at < self._timing.refusals_count]
        if not self._mine or now - self._mine[-1] >= self._timing.refusals - 1e-6:
            self._mine.append(now)
        return None if len(self._mine) >= 2 else self._mine[-1] + self._timing.refusals

    def reported(self, claim: ClaimRef, by: NodeId, now: float) -> None:
        """Note that a member says so."""
        self._turn_to(claim)
        self._reports[by] = now

    def proven(self, claim: ClaimRef, now: float) -> bool:
        """Whether the claim's router is gone."""
        if claim != self._claim:
            return False
        mine = sum(1 for at in self._mine if now - at < self._timing.refusals_count)
        reports = sum(1 for at in self._reports.values() if now - at < self._timing.refusals_count)
        return mine + reports >= 2

    def mine(self, now: float) -> ClaimRef | None:
        """The claim whose router refused me twice of late."""
        lately = [at for at in self._mine if now - at < self._timing.refusals_count]
        return self._claim if len(lately) >= 2 else None

    def clear(self) -> None:
        """Forget it all: the router was heard again, or another one is followed."""
        self._claim = None
        self._mine = []
        self._reports = {}

    def _turn_to(self, claim: ClaimRef) -> None:
        if claim != self._claim:
            self.clear()
            self._claim = claim
