"""The network around this node: who is on it, where this machine can be reached, the cluster's name there."""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from corral.app.cluster.contacts import Contacts
from corral.app.cluster.naming import Naming
from corral.app.cluster.written_addresses import WrittenAddresses
from corral.app.settings_table import Settings
from corral.app.times import rfc3339
from corral.app.urls import is_this_machine
from corral.peers.address import Address
from corral.peers.cluster.cluster_file import ClusterIdentity
from corral.peers.cluster.link_messages import VERSION
from corral.peers.cluster.members import Members
from corral.peers.cluster_name.claim import Claim
from corral.peers.cluster_name.publisher import ClusterName
from corral.peers.discovery.address_book import Candidate
from corral.peers.discovery.announcement import Announcement, cluster_hash
from corral.peers.discovery.discovery import Discovery
from corral.peers.discovery.interfaces import announced_addresses, choose
from corral.peers.discovery.network_facts import network_interfaces
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.private_file import write_private
from corral.peers.waking_clock import waking_clock

_KEEP_EVERY_S = 30.0
_MOST_BYTES = 1024 * 1024
_ANY = ("0.0.0.0", "::")
_LOG = structlog.get_logger(__name__)


class Neighbourhood:
    """`open` it once the ports are known. Where discovery is off it knows what it is told, and nothing else."""

    def __init__(
        self,
        *,
        settings: Settings,
        identity: Identity,
        cluster: ClusterIdentity,
        boot: str,
        contacts: Contacts,
        members: Members,
        file: Path,
        written: WrittenAddresses,
        on_change: Callable[[], None],
        naming: Naming,
    ) -> None:
        """`file` keeps the last known addresses of members, `written` has what people wrote; `naming` says what the cluster is called."""
        self._settings = settings
        self._identity = identity
        self._cluster = cluster
        self._boot = boot
        self._contacts = contacts
        self._members = members
        self._file = file
        self._written = written
        self._on_change = on_change
        self._naming = naming
        self._standbys: Sequence[NodeId] = ()
        self._discovery: Discovery | None = None
        self._name: ClusterName | None = None
        self._kept: dict[str, list[str]] = {}
        self._peer_port = 0
        self._reigns = False
        self._handed_over = False
        self._hosts: tuple[str, ...] = ()  # addresses of this machine, where discovery doesn't know them
        self.front_port = settings.port

    async def open(self, *, front_port: int, peer_port: int) -> None:
        """Begin to look, and to be found."""
        self.front_port, self._peer_port = front_port, peer_port
        if not is_this_machine(self._settings.host):
            if self._settings.discovery:
                self._discovery = self._new_discovery()
                self._contacts.book = self._discovery.book
            else:
                await self._look_at_network()
        self.members_changed()
        await self._written.open()
        self._use_written()
        self._contacts.book.remember(await asyncio.to_thread(_read, self._file), waking_clock())
        if self._discovery is not None:
            await self._discovery.start()
            self._name = self._new_name(self._discovery)
            await self._name.start()

    async def close(self) -> None:
        """Keep what is known for the next start, and say goodbye on the network."""
        try:
            await self._keep()
        except OSError as error:
            _LOG.warning("the addresses of the other machines can't be kept", error=str(error))
        if self._name is not None:
            await self._name.stop()
        if self._discovery is not None:
            await self._discovery.stop()

    async def run(self) -> None:
        """Keep the members' addresses for the next start. Until cancelled, or the next start belongs to another cluster."""
        while not self._handed_over:
            await self._keep()
            await asyncio.sleep(_KEEP_EVERY_S)
            if self._hosts:
                await self._look_at_network()

    async def hand_over(self, node: NodeId, addresses: Sequence[Address]) -> None:
        """The next start belongs to another cluster: what it knows is where this member of it is."""
        self._handed_over = True
        known = {node: [str(each) for each in addresses]}
        await asyncio.to_thread(write_private, self._file, msgspec.json.encode(known))

    def members_changed(self) -> None:
        """Others belong to the cluster now."""
        self._contacts.book.set_members(self._members.roster.members)

    async def write_down(self, address: Address) -> None:
        """A person says that a machine is there, for good. Raises CantBeDone."""
        await self._written.add(address)
        self._use_written()

    async def cross_out(self, address: Address) -> None:
        """A person says that no machine is there any more. Raises NoSuchAddress, CantBeDone."""
        await self._written.remove(address)
        self._use_written()

    def set_router(self, *, reigns: bool, standbys: Sequence[NodeId]) -> None:
        """Whether this machine is the router, and who would be the next."""
        self._reigns, self._standbys = reigns, standbys
        if self._discovery is not None:
            self._discovery.set_role(reigns)
        self.say_name()

    def say_name(self) -> None:
        """Say the cluster's name on the network if this machine is the router; else watch who says it."""
        if self._name is not None:
            self._name.publish(self._claim() if self._reigns else None)
            if not self._reigns:
                self._name.watch(self._naming.label)

    # --- what is so

    @property
    def label(self) -> str:
        """`corral` in `corral.local`."""
        return self._naming.label if self._name is None else self._name.status().label

    @property
    def own_addresses(self) -> tuple[Address, ...]:
        """Of the peer port, the best first."""
        return self._at(self._peer_port)

    @property
    def own_front_doors(self) -> tuple[Address, ...]:
        """Of the HTTP port, the best first."""
        return self._at(self.front_port)

    def candidates(self) -> Sequence[Candidate]:
        """Every machine known of."""
        return self._contacts.book.candidates()

    def warnings(self) -> list[str]:
        """What people should do something about."""
        found: list[str] = []
        if self._discovery is not None:
            status = self._discovery.status()
            found += [*filter(None, [status.problem]), *status.conflicts]
        if self._name is not None:
            status_of_name = self._name.status()
            found += [
                f"{address} answers to {status_of_name.label}.local, and is no machine of the cluster"
                for address in status_of_name.strangers
            ]
        return found

    def document(self) -> Mapping[str, Any]:
        """What discovery is doing, for `corral doctor` and the dashboard."""
        known = {"machines": self._machines(), "written": [str(each) for each in self._written.all]}
        if self._discovery is None:
            return {"on": False, "name_strangers": [], **known}
        status = self._discovery.status()
        return {
            "on": True,
            "interfaces": [each.name for each in status.interfaces.used],
            "skipped": {each.name: each.reason for each in status.interfaces.skipped},
            "sockets": status.sockets,
            "problem": status.problem,
            "heard_at": None if status.heard_at is None else rfc3339(status.heard_at),
            "conflicts": list(status.conflicts),
            "unreadable": list(status.unreadable),
            "name_strangers": [] if self._name is None else list(self._name.status().strangers),
            **known,
        }

    @property
    def says_name(self) -> bool:
        """Whether `<label>.local` is said on the network: not where discovery is off."""
        return self._name is not None

    # --- parts

    async def _keep(self) -> None:
        snapshot = self._contacts.book.snapshot()
        if snapshot != self._kept and not self._handed_over:
            await asyncio.to_thread(write_private, self._file, msgspec.json.encode(snapshot))
            self._kept = snapshot

    def _use_written(self) -> None:
        self._contacts.written = self._written.all
        self._contacts.book.set_manual(self._contacts.written)

    async def _look_at_network(self) -> None:
        """Without discovery the others still have to be told where this machine is."""
        found = await asyncio.to_thread(network_interfaces)
        self._hosts = announced_addresses(choose(found, self._settings.network).used)

    def _new_discovery(self) -> Discovery:
        announcement = Announcement(
            version=VERSION,
            node=self._identity.node,
            boot=self._boot,
            cluster=cluster_hash(self._cluster.id),
            peer_port=self._peer_port,
            front_port=self.front_port,
        )
        return Discovery(announcement, on_change=self._on_change, pin=self._settings.network)

    def _new_name(self, discovery: Discovery) -> ClusterName:
        return ClusterName(
            discovery.mdns,
            node=self._identity.node,
            cluster=self._cluster.id,
            port=self.front_port,
            is_friend=self._is_friend,
            on_label=self._naming.found,
            on_change=lambda: None,
            label=self._naming.label,
        )

    def _claim(self) -> Claim:
        return Claim(
            label=self._naming.label,
            settled=self._naming.settled,
            router=tuple(each.host for each in self.own_addresses),
            standbys=tuple(
                tuple(each.host for each in self._contacts.book.addresses(node)) for node in self._standbys
            ),
        )

    def _is_friend(self, host: str) -> bool:
        own = () if self._discovery is None else self._discovery.own_addresses()
        return host in own or self._contacts.book.node_at(host) is not None

    def _at(self, port: int) -> tuple[Address, ...]:
        if not port:
            return ()
        if self._settings.host not in _ANY:
            return (Address(self._settings.host, port),)
        hosts = self._hosts if self._discovery is None else self._discovery.own_addresses()
        return tuple(Address(each, port) for each in hosts if not ipaddress.ip_address(each).is_link_local)

    def _machines(self) -> list[dict[str, Any]]:
        return [
            {
                "id": each.node,
                "name": None if each.node is None or not each.member else self._members.name(each.node),
                "member": each.member,
                "announced": each.announcement is not None,
                "addresses": [str(known.address) for known in each.addresses],
                "same_cluster": each.announcement is not None
                and each.announcement.cluster == cluster_hash(self._cluster.id),
            }
            for each in self.candidates()
        ]


def _read(file: Path) -> dict[str, list[str]]:
    """Blocks. Without a usable file the machines are found again anyway."""
    try:
        content = file.read_bytes()
        return msgspec.json.decode(content[:_MOST_BYTES], type=dict[str, list[str]])
    except (OSError, msgspec.DecodeError):
        return {}
