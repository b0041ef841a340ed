"""The router's claim as requests carry it, TERM.ROUTER, and what it says about who answers."""

from collections.abc import Callable

from corral.app.front_door.routing import HERE, NOBODY, Routing, There
from corral.peers.cluster.cluster import Cluster
from corral.peers.election.messages import ClaimRef
from corral.peers.ids import NodeId


class Claims:
    """What the front door, the relay and the peers' pools ask of the cluster. `cluster` is asked for each time."""

    def __init__(self, cluster: Callable[[], Cluster]) -> None:
        self._cluster = cluster

    def routing(self) -> Routing:
        """Who answers for the cluster now."""
        cluster = self._cluster()
        if cluster.is_router:
            return HERE
        claim = cluster.claim
        if claim is None or claim.router == cluster.node:
            return NOBODY
        return There(claim.router, _text(claim))

    def current(self) -> str:
        """The claim that counts here; empty while there is none."""
        claim = self._cluster().claim
        return "" if claim is None else _text(claim)

    def accepts(self, text: str) -> bool:
        """Whether to obey what is asked under this claim: not if it is older than one that was followed here."""
        term, _, router = text.partition(".")
        if not term.isdecimal() or not router:
            return False
        cluster = self._cluster()
        return cluster.is_open and cluster.heart.accepts(ClaimRef(int(term), NodeId(router)))


def _text(claim: ClaimRef) -> str:
    return f"{claim.term}.{claim.router}"
