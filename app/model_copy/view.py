"""What this machine knows of all machines' models and copies: its own, and what the others report."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from corral.app.model_copy.copies import Copies
from corral.app.model_copy.holders import Holder
from corral.app.model_copy.manifest import ModelSum
from corral.app.model_copy.sum_keeper import SumKeeper
from corral.app.serving.heard_models import HeardModels
from corral.app.serving.load_report import CopyLive
from corral.app.serving.peer_endpoints import Peer
from corral.engines.model import ModelStatus
from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """The other machines. `peers` are all that said something, `live` those that answer now."""

    peers: Callable[[], Sequence[Peer]]
    live: Callable[[], Collection[NodeId]]


def sources_of(id: ModelSum, others: Others) -> list[NodeId]:
    """The machines that say now that they have this content."""
    return [
        peer.node
        for peer in serving(others)
        if any(model.sha256 == id and not model.error for model in peer.heard.static.models)
    ]


class View:
    """Asks everybody's last words anew each time."""

    def __init__(
        self,
        *,
        node: NodeId,
        find: Callable[[str], ModelStatus | None],
        sums: SumKeeper,
        copies: Copies,
        others: Others,
    ) -> None:
        """`find` is that of this machine's pool."""
        self.node = node
        self._find = find
        self._sums = sums
        self._copies = copies
        self._others = others

    def holders(self, model: str) -> list[Holder]:
        """This machine first."""
        own = self._find(model)
        found = [] if own is None else [_holder(self.node, own, self._sums.id_of(own.file))]
        for peer in serving(self._others):
            status = peer.heard.find(model)
            if status is not None:
                found.append(_holder(peer.node, status, _sum_of(peer.heard, status)))
        return found

    def copies(self) -> Iterator[tuple[NodeId, CopyLive]]:
        """Those of all machines that answer, and who makes each."""
        for copy in self._copies.progress():
            yield self.node, copy
        peers = self._others.peers()
        live = self._others.live() if peers else ()
        for peer in peers:
            if peer.node in live:
                for copy in peer.heard.live.copies:
                    yield peer.node, copy


def serving(others: Others) -> Iterator[Peer]:
    """Those that answer now and don't stop."""
    live = others.live()
    return (peer for peer in others.peers() if peer.node in live and peer.heard.machine().online)


def _holder(node: NodeId, status: ModelStatus, id: str) -> Holder:
    file = status.file
    return Holder(
        node=node,
        model=file.name,
        id=id,
        size_bytes=file.size_bytes,
        quantization=file.quantization,
        broken=file.error is not None,
    )


def _sum_of(heard: HeardModels, status: ModelStatus) -> str:
    return next((each.sha256 for each in heard.static.models if each.name == status.file.name), "")
