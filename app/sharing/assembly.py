"""Pausing this machine and others, made of a node's parts."""

from collections.abc import Callable, Sequence

from corral.app.placing.asking import Asking
from corral.app.sharing.control import SharingControl
from corral.app.sharing.sharing import Sharing
from corral.app.sharing.sharing_route import SharingRoute
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute


class Pausing:
    """`sharing`, this machine's, and `control` are for the HTTP side, `routes` for the peer port."""

    def __init__(
        self,
        *,
        node: NodeId,
        sharing: Sharing,
        find: Callable[[str], NodeId],
        members: Members,
        client: PeerClient,
        claim: Callable[[], str],
        accepts: Callable[[str], bool],
    ) -> None:
        """`claim` is this machine's right to ask others, `accepts` judges theirs; `find`: see `SharingControl`."""
        self.sharing = sharing
        self.control = SharingControl(
            node=node,
            sharing=sharing,
            find=find,
            asking=Asking(members=members, client=client, claim=claim),
        )
        self._route = SharingRoute(sharing=sharing, accepts=accepts).route()

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [self._route]
