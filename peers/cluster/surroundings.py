"""What a cluster is told by the rest of the program, and whom it tells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from corral.peers.address import Address
from corral.peers.cluster.link_messages import Hello
from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What this machine tells the others of itself."""

    name: str
    program: str  # its version
    http_port: int
    addresses: tuple[str, ...] = ()  # of its peer port, the best first

    def hello(self, boot: str, known: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Hello:
        """`boot` names this start of the program; `known` are addresses of other members."""
        return Hello(
            boot=boot,
            name=self.name,
            program=self.program,
            http_port=self.http_port,
            addresses=self.addresses,
            known=dict(known),
        )


_MOST_TOLD: Final = 4  # addresses of a member


class Addresses(Protocol):
    """What this needs of `discovery.address_book.AddressBook`."""

    def gossip(self, node: NodeId, addresses: Iterable[Address], now: float) -> None: ...

    def addresses(self, node: NodeId) -> Sequence[Address]: ...


def told_addresses(addresses: Addresses, nodes: Iterable[NodeId]) -> dict[str, tuple[str, ...]]:
    """What to tell a member of where the others are: the best few of each, but for those of one link only."""
    known = {
        node: tuple(str(each) for each in addresses.addresses(node) if not each.is_link_local)
        for node in nodes
    }
    return {str(node): found[:_MOST_TOLD] for node, found in known.items() if found}


class Listener(Protocol):
    """Whom it tells; every method returns at once."""

    def router_changed(self) -> None:
        """Another router, or none, or this machine."""

    def live_changed(self, live: frozenset[NodeId]) -> None:
        """Which other members answer now."""

    def load(self, peer: NodeId, report: bytes) -> None:
        """A member told its load."""

    def told(self, peer: NodeId, topic: str, body: bytes) -> None:
        """A member told something longer."""

    def linked(self, peer: NodeId) -> None:
        """A link to a member was opened: it knows nothing yet."""

    def removed(self) -> None:
        """This machine was taken out of the cluster."""
