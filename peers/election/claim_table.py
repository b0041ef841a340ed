"""The claims a node has heard of: which are fresh, which are void."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from corral.peers.election.messages import MOST_CLAIMS, Claim, ClaimRef, Sighting
from corral.peers.election.rules import Rules
from corral.peers.ids import NodeId


@dataclass(slots=True)
class Known:
    """A claim and when its last seq was born, by the clock here."""

    claim: Claim
    born: float
    advanced: bool = (
        False  # its seq has grown while it was fresh: it isn't the last word of a router that is gone
    )


class ClaimTable:
    """At most one claim of each router. A claim and seq has one birth time, which no relay can refresh."""

    def __init__(self, *, lease_s: float, rules: Rules) -> None:
        self._lease_s = lease_s
        self._rules = rules
        self._known: dict[NodeId, Known] = {}
        self._void: dict[NodeId, int] = {}  # router → its highest term that is void

    def learn(self, claim: Claim, *, age_s: float, now: float) -> Known | None:
        """Take in a claim that someone told; what is known of it if it is fresh, None if it is stale or void."""
        ref = claim.ref
        if age_s >= self._lease_s or self.is_void(ref):
            return None
        known = self._known.get(ref.router)
        if known is None or ref.term != known.claim.ref.term:
            if known is not None and not self._replaces(ref, known.claim.ref):
                return None
            known = self._known[ref.router] = Known(claim, now - age_s)
        elif self._rules.refreshes(claim.seq, known.claim.seq):
            known.advanced = now - known.born < self._lease_s
            known.claim = claim
            known.born = now - age_s
        return known if now - known.born < self._lease_s else None

    def is_void(self, ref: ClaimRef) -> bool:
        """Whether a claim was swallowed, superseded or given up."""
        return ref.term <= self._void.get(ref.router, -1)

    def void(self, ref: ClaimRef) -> None:
        """Never again count this claim nor an older one of its router."""
        if ref.term > self._void.get(ref.router, -1):
            self._void[ref.router] = ref.term
        known = self._known.get(ref.router)
        if known is not None and self.is_void(known.claim.ref):
            del self._known[ref.router]

    def fresh(self, now: float) -> list[Known]:
        """What is not stale, freshest first. The birth time of what is stale is kept: no relay makes it fresh again."""
        fresh = [known for known in self._known.values() if now - known.born < self._lease_s]
        if len(fresh) > 1:
            fresh.sort(key=lambda known: -known.born)
        return fresh

    def sightings(self, now: float, first: NodeId | None) -> list[Sighting]:
        """What to tell others, the claim of `first` before all."""
        fresh = self.fresh(now)
        if len(fresh) > 1:
            fresh.sort(key=lambda known: known.claim.ref.router != first)
        return [Sighting(known.claim, int((now - known.born) * 1000)) for known in fresh[:MOST_CLAIMS]]

    def forget_times(self) -> None:
        """Drop what was timed, as after sleep; what is void stays so."""
        self._known.clear()

    def forget(self, routers: AbstractSet[NodeId]) -> None:
        """Drop everything about nodes that are no members any more."""
        for router in routers:
            self._known.pop(router, None)
            self._void.pop(router, None)

    def _replaces(self, ref: ClaimRef, known: ClaimRef) -> bool:
        if self._rules.supersedes(known.term, ref.term):
            return False
        if self._rules.supersedes(ref.term, known.term):
            self._void[ref.router] = known.term
        return True
