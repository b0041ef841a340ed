"""Whom this machine may talk to over the peer port, and where they are."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from corral.peers.address import Address
from corral.peers.discovery.address_book import AddressBook
from corral.peers.identity.certificate import Certificate
from corral.peers.ids import NodeId
from corral.peers.waking_clock import waking_clock


class Acquaintance(Protocol):
    """Knows a machine that isn't a member (yet)."""

    def certificate(self, node: NodeId) -> Certificate | None: ...

    def addresses(self, node: NodeId) -> Sequence[Address]: ...


class Certificates(Protocol):
    """What this needs of `peers.cluster.members.Members`."""

    def certificate(self, node: NodeId) -> Certificate | None: ...


class Contacts:
    """Made before the parts that it looks at: they need the client, and the client needs this."""

    def __init__(self, *, members: Certificates, book: AddressBook) -> None:
        self._members = members
        self.book = book
        self.host: Acquaintance | None = None  # knows the machine that lets this one in
        self.written: tuple[Address, ...] = ()  # by a person

    def certificate(self, node: NodeId) -> Certificate | None:
        """What the machine must prove; None: don't talk to it."""
        known = self._members.certificate(node)
        return known if known is not None or self.host is None else self.host.certificate(node)

    def gossip(self, node: NodeId, addresses: Iterable[Address], now: float) -> None:
        """A member said where a machine is. `now` is the `waking_clock`."""
        self.book.gossip(node, addresses, now)

    def proven(self, node: NodeId, address: Address) -> None:
        """A machine proved who it is there: it stays known, also when multicast says that it left."""
        self.book.prove(node, address, waking_clock())

    def addresses(self, node: NodeId) -> Sequence[Address]:
        """Where to try it. Addresses that a person wrote may be anybody's: whoever answers there has to prove who it is."""
        told = () if self.host is None else self.host.addresses(node)
        return tuple(dict.fromkeys((*self.book.addresses(node), *told, *self.written)))
