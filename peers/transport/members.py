"""Who may come in at the peer port, and who is in."""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from corral.peers.identity.certificate import Certificate
from corral.peers.ids import NodeId
from corral.peers.transport.connection import PeerConnection

_NOT_A_MEMBER: Final = "its certificate is not a member's"


class Members:
    """The members' certificates and open connections. A certificate counts only as a whole, byte by byte."""

    def __init__(self, *, turned_away: Callable[[str, str], None]) -> None:
        """`turned_away` gets the address and the reason."""
        self._turned_away = turned_away
        self._certificates: dict[bytes, Certificate] = {}
        self._connections: dict[NodeId, set[PeerConnection]] = {}
        self._nobody_in = asyncio.Event()
        self._nobody_in.set()

    @property
    def certificates(self) -> Collection[Certificate]:
        """Of all members."""
        return self._certificates.values()

    @property
    def connections(self) -> list[PeerConnection]:
        """All that are open."""
        return [each for of_peer in self._connections.values() for each in of_peer]

    def set(self, certificates: Collection[Certificate]) -> None:
        """Others are members from now on; the connections of those that aren't any more are cut."""
        self._certificates = {each.der: each for each in certificates}
        for connection in self.connections:
            if connection.certificate_der not in self._certificates:
                connection.cut()

    def admit(self, connection: PeerConnection, certificate_der: bytes, host: str) -> NodeId | None:
        """Who shows this certificate; None if it is no member's."""
        certificate = self._certificates.get(certificate_der)
        if certificate is None:
            self._turned_away(host, _NOT_A_MEMBER)
            return None
        self._connections.setdefault(certificate.node, set()).add(connection)
        self._nobody_in.clear()
        return certificate.node

    def left(self, connection: PeerConnection) -> None:
        """It has ended."""
        of_peer = self._connections.get(connection.peer, set())
        of_peer.discard(connection)
        if not of_peer:
            self._connections.pop(connection.peer, None)
        if not self._connections:
            self._nobody_in.set()

    async def all_left(self) -> None:
        """Returns when no connection is open."""
        await self._nobody_in.wait()
