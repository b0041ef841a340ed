"""Where models are, and loading them from afar, made of a node's parts."""

from collections.abc import Callable, Mapping, Sequence

from corral.app.gateway.endpoint import Endpoint
from corral.app.model_copy.copying import Copying
from corral.app.model_copy.view import Others
from corral.app.placing.asking import Asking
from corral.app.placing.control import LoadControl
from corral.app.placing.errands import PATIENCE_S, Errands
from corral.app.placing.load_route import LoadRoute
from corral.app.placing.places import Places
from corral.app.supervisor import Supervisor
from corral.engines.pool import ModelPool
from corral.peers.cluster.members import Members
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute


class Placing:
    """`places` and `control` are for the HTTP side, `routes` for the peer port."""

    def __init__(
        self,
        *,
        pool: ModelPool,
        copying: Copying,
        members: Members,
        client: PeerClient,
        others: Others,
        claim: Callable[[], str],
        accepts: Callable[[str], bool],
        elsewhere: Mapping[str, Callable[[], Sequence[Endpoint]]],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`claim` is this machine's right to ask others, `accepts` judges theirs; see `Places` for `elsewhere`."""
        node = copying.view.node
        self._errands = Errands(pool, patience_s=patience_s)
        self.places = Places(
            node=node, models=pool.models, members=members, others=others, elsewhere=elsewhere
        )
        self.control = LoadControl(
            node=node,
            errands=self._errands,
            find=copying.control.node,
            asking=Asking(members=members, client=client, claim=claim),
        )
        self._routes = LoadRoute(errands=self._errands, accepts=accepts).routes()

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return self._routes

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep its task running."""
        supervisor.start("loading models that were asked for by name", self._errands.run)
