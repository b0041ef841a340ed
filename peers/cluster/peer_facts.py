"""What was heard from the other members since this machine started."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from corral.peers.cluster.link_messages import VERSION, Hello
from corral.peers.ids import NodeId

VERSIONS_APART = 1  # members that are further apart neither vote for nor serve each other


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """One member. Times are of the clock that counts sleep; None: never."""

    hello: Hello = field(default_factory=lambda: Hello(version=VERSION))
    greeted: bool = False
    heard_at: float | None = None

    @property
    def needs_update(self) -> bool:
        """Whether its protocol is too far from ours."""
        return self.greeted and abs(self.hello.version - VERSION) > VERSIONS_APART

    def ago(self, now: float) -> float | None:
        """How many seconds ago it was heard."""
        return None if self.heard_at is None else now - self.heard_at


class FactBook:
    """The facts of each."""

    def __init__(self) -> None:
        self._facts: dict[NodeId, PeerFacts] = {}

    def of(self, peer: NodeId) -> PeerFacts:
        """What is known of a member."""
        return self._facts.get(peer) or PeerFacts()

    def heard(self, peer: NodeId, now: float) -> None:
        """It said something."""
        known = self.of(peer)
        self._facts[peer] = PeerFacts(hello=known.hello, greeted=known.greeted, heard_at=now)

    def greeted(self, peer: NodeId, hello: Hello) -> None:
        """It said who it is."""
        self._facts[peer] = replace(self.of(peer), hello=hello, greeted=True)

    def keep_only(self, members: Collection[NodeId]) -> None:
        """Forget those that left the cluster."""
        self._facts = {peer: each for peer, each in self._facts.items() if peer in members}
