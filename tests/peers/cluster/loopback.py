"""Several clusters' members in one process: real ports, TLS, ledgers and elections on loopback."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from corral.peers.address import Address
from corral.peers.cluster.cluster import Cluster
from corral.peers.cluster.cluster_file import ClusterIdentity, found_cluster
from corral.peers.cluster.members import TABLE, Members
from corral.peers.cluster.replica_route import REPLICA_PATH, replica_route
from corral.peers.cluster.surroundings import About
from corral.peers.election.elector import Preference
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger, open_ledger
from corral.peers.transport.client import PeerClient
from corral.peers.transport.server import PeerServer

CLUSTER = found_cluster(now=1.0)


class Notes:
    """A Listener that keeps what it hears."""

    def __init__(self) -> None:
        self.routers = 0
        self.lives: list[frozenset[NodeId]] = []
        self.loads: dict[NodeId, bytes] = {}
        self.words: list[tuple[NodeId, str, bytes]] = []
        self.links: list[NodeId] = []
        self.was_removed = False

    def router_changed(self) -> None:
        self.routers += 1

    def live_changed(self, live: frozenset[NodeId]) -> None:
        self.lives.append(live)

    def load(self, peer: NodeId, report: bytes) -> None:
        self.loads[peer] = report

    def told(self, peer: NodeId, topic: str, body: bytes) -> None:
        self.words.append((peer, topic, body))

    def linked(self, peer: NodeId) -> None:
        self.links.append(peer)

    def removed(self) -> None:
        self.was_removed = True


class Switchboard:
    """Where everybody is: an Addresses that all members share."""

    def __init__(self) -> None:
        self.ports: dict[NodeId, int] = {}
        self.gossiped: dict[NodeId, list[Address]] = {}

    def gossip(self, node: NodeId, addresses: Iterable[Address], now: float) -> None:
        self.gossiped[node] = list(addresses)

    def addresses(self, node: NodeId) -> Sequence[Address]:
        return [Address("127.0.0.1", self.ports[node])] if node in self.ports else []


class Member:
    """One machine; `start` it."""

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        switchboard: Switchboard,
        *,
        name: str,
        preference: Preference,
        cluster: ClusterIdentity,
    ) -> None:
        self.identity = identity
        self.node = identity.node
        self.notes = Notes()
        self._folder = folder
        self._switchboard = switchboard
        self._name = name
        self._preference = preference
        self._cluster = cluster
        self._tasks: list[asyncio.Task[None]] = []
        self.client: PeerClient
        self.ledger: Ledger
        self.cluster: Cluster
        self.members: Members
        self.server: PeerServer

    async def start(self, *, joined: bool = False) -> None:
        """Open everything and let it run; also again after `stop`."""
        self.members = Members()
        self.client = PeerClient(
            identity=self.identity,
            certificates=self.members.certificate,
            addresses=self._switchboard.addresses,
        )
        self.ledger = await open_ledger(
            self._folder / f"{self._name}.db", self.node, send=self._send, joined=joined
        )
        self.cluster = Cluster(
            identity=self.identity,
            cluster=self._cluster,
            about=About(name=self._name, program="1.2.3", http_port=80, addresses=(f"{self._name}:1",)),
            preference=self._preference,
            members=self.members,
            ledger=self.ledger,
            dialler=self.client,
            addresses=self._switchboard,
            term_file=self._folder / f"{self._name}.term",
            listener=self.notes,
        )
        await self.cluster.open()
        self.server = PeerServer(
            identity=self.identity,
            host="127.0.0.1",
            port=0,
            routes=[replica_route(self.ledger)],
            links=[self.cluster.link_route()],
        )
        await self.server.start(self._certificates())
        self._switchboard.ports[self.node] = self.server.port
        self.members.on_change(self._trust)
        runs = (self.cluster.heart.run, self.cluster.run_care, self.ledger.run)
        self._tasks = [asyncio.create_task(run()) for run in runs]

    async def stop(self, *, goodbye: bool = True) -> None:
        """End in good order, or without a word."""
        self._switchboard.ports.pop(self.node, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if goodbye:
            await self.cluster.close()
        else:
            await self.cluster.links.close()
        await self.server.stop(0)
        await self.client.close()
        await self.ledger.close()

    async def know(self, others: Iterable["Member"]) -> None:
        """Write down that they are members."""
        for other in others:
            row = {"name": other._name, "certificate": other.identity.certificate.pem, "approved_at": 1.0}
            await self.ledger.write([Edit(TABLE, other.node, row)])

    async def _send(self, to: NodeId, body: bytes) -> bytes:
        return await self.client.post(to, REPLICA_PATH, body, timeout_s=5)

    def _certificates(self) -> list[Certificate]:
        return [member.certificate for member in self.members.roster.members.values()]

    def _trust(self) -> None:
        self._tasks.append(asyncio.create_task(self.server.set_members(self._certificates())))


def new_member(
    folder: Path,
    switchboard: Switchboard,
    name: str,
    *,
    preference: Preference | None = None,
    cluster: ClusterIdentity = CLUSTER,
) -> Member:
    """A machine with a key of its own. Blocks."""
    return Member(
        load_identity(folder / f"identity-{name}"),
        folder,
        switchboard,
        name=name,
        preference=preference or Preference(),
        cluster=cluster,
    )
