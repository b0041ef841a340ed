"""A cluster in numbers, as one of its machines sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from corral.peers.cluster.cluster import Cluster
from corral.peers.ids import NodeId
from corral.peers.replication.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNumbers:
    """`skews_s`: how far ahead the clocks of the members that answer are, by name. `differing` of them hold other state."""

    members: int
    online: int  # with this machine
    router: str | None  # its id
    is_router: bool
    term: int
    differing: int = 0
    skews_s: Mapping[str, float] = field(default_factory=dict)


def numbers_of(cluster: Cluster, ledger: Ledger) -> ClusterNumbers:
    """The numbers now."""
    claim, live = cluster.claim, cluster.live
    return ClusterNumbers(
        members=len(cluster.members.roster.members),
        online=len(live) + 1,
        router=cluster.router,
        is_router=cluster.is_router,
        term=0 if claim is None else claim.term,
        differing=len(ledger.differing()),
        skews_s={name: ledger.skew_s(peer) for peer, name in _names(cluster, sorted(live)).items()},
    )


def _names(cluster: Cluster, peers: list[NodeId]) -> dict[NodeId, str]:
    """Each with a name of its own: of two with the same one both get a piece of their id."""
    names = {peer: cluster.members.name(peer) for peer in peers}
    taken = list(names.values())
    return {peer: name if taken.count(name) == 1 else f"{name} ({peer[:8]})" for peer, name in names.items()}
