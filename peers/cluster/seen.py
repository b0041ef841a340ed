"""What the rest of the program was told last."""

from dataclasses import dataclass

from corral.peers.election.messages import ClaimRef
from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is router, whether that is this machine, and which other members answer."""

    claim: ClaimRef | None = None
    reigns: bool = False
    live: frozenset[NodeId] = frozenset()
