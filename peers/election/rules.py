"""The rules whose breach the simulation must notice, one method each."""

from corral.peers.election.messages import Claim, ClaimRef
from corral.peers.ids import NodeId

Standing = tuple[bool, int, NodeId]  # pinned, prio, id: how candidates are ordered


class Rules:
    """How the protocol is meant to be. Tests break one at a time."""

    def decides(self, me: NodeId, other: NodeId) -> bool:
        """Of two routers that meet, whether it is me who decides which one stays: exactly one of both does."""
        return me < other

    def outdoes(self, other: Claim, mine: Claim) -> bool:
        """Whether another router's claim survives and mine doesn't."""
        return self._merit(other) > self._merit(mine)

    def voids(self, absorbed: ClaimRef) -> bool:
        """Whether a swallowed claim counts no more, even when someone still relays it."""
        return True

    def supersedes(self, newer: int, older: int) -> bool:
        """Whether a term of a router voids its older one."""
        return newer > older

    def absorbed(self, mine: ClaimRef, by: Claim) -> bool:
        """Whether a claim swallows mine: I follow it then."""
        return any(each.router == mine.router and each.term >= mine.term for each in by.absorbs)

    def fenced(self, term: int, max_term: int) -> int:
        """The term a router should reign in: above every one it has heard of."""
        return term if term >= max_term else max_term + 1

    def slept(self, idle_s: float, lease_s: float) -> bool:
        """Whether so long without a tick means that others may have gone on without me."""
        return idle_s >= lease_s

    def denies_for_itself(self, mine: Standing, theirs: Standing) -> bool:
        """Whether a candidate denies another one."""
        return mine > theirs

    def denies_for_router(self, heard_s: float, trust_s: float) -> bool:
        """Whether the router was heard so lately that nobody else should stand."""
        return heard_s < trust_s

    def refreshes(self, seq: int, known: int) -> bool:
        """Whether a sighting of a claim prolongs its lease."""
        return seq > known

    def accepts(self, term: int, floor: int) -> bool:
        """Whether a worker obeys a claim of this term after having followed one of term `floor`."""
        return term >= floor

    @staticmethod
    def _merit(claim: Claim) -> tuple[bool, int, int, int, NodeId]:
        return (claim.pinned, claim.strength, claim.prio, -claim.ref.term, claim.ref.router)
