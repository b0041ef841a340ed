"""Everything of this node that faces the other machines: built here, opened and closed in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from corral.app.cluster.contacts import Contacts
from corral.app.cluster.control import Control
from corral.app.cluster.front_doors import Door, doors
from corral.app.cluster.joining import WELCOME_PATH, Joining, Wish
from corral.app.cluster.knocking import ClusterInfo
from corral.app.cluster.leaving import LEAVE_PATH, tell_goodbye
from corral.app.cluster.naming import Naming
from corral.app.cluster.neighbourhood import Neighbourhood
from corral.app.cluster.pairing_desk import PairingDesk
from corral.app.cluster.router_choices import RouterChoices
from corral.app.cluster.serving_link import ServingLink
from corral.app.cluster.written_addresses import WrittenAddresses
from corral.app.paths import DataDir
from corral.app.settings_table import Settings
from corral.app.supervisor import Supervisor
from corral.peers.address import Address
from corral.peers.cluster.cluster import Cluster
from corral.peers.cluster.cluster_file import ClusterIdentity, found_cluster, write_cluster
from corral.peers.cluster.members import Members
from corral.peers.cluster.rank import Standing
from corral.peers.cluster.replica_route import replica_route
from corral.peers.cluster.surroundings import About
from corral.peers.election.elector import Preference
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.newcomer import Joined
from corral.peers.replication.ledger import Ledger
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute
from corral.peers.transport.server import PeerServer

_LOG = structlog.get_logger(__name__)
_GRACE_S = 2.0
_DRAIN_S = 1.0
_LOOK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What the rest of the node knows and does. `used` says whether somebody made users or keys here."""

    used: Callable[[], bool]
    end_sessions: Callable[[], Awaitable[None]]
    start_anew: Callable[[], None]
    changed: Callable[[], None]  # the router, or who is there


class Membership:
    """This node as a member of its cluster."""

    def __init__(
        self,
        *,
        settings: Settings,
        program: str,
        identity: Identity,
        cluster: ClusterIdentity,
        members: Members,
        contacts: Contacts,
        client: PeerClient,
        ledger: Ledger,
        preference: Callable[[str | None], Preference],
        paused: Callable[[], bool] = lambda: False,
        serving: ServingLink,
        standpoint: Standpoint,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`program` is its version; `preference` gets what people chose for this machine, and blocks for a moment; `paused`:
        it works for itself only; `now` gives Unix time."""
        self._settings = settings
        self._folder = DataDir(settings.data_dir)
        self._identity = identity
        self._founded = cluster
        self._members = members
        self._contacts = contacts
        self._client = client
        self._ledger = ledger
        self._serving = serving
        self._standpoint = standpoint
        self._now = now
        self._naming = Naming(ledger=ledger, founded=cluster.name)
        self._server: PeerServer | None = None
        self._leaving = False
        self._news = asyncio.Event()  # others belong to the cluster now
        self._preference = preference
        self._choices = RouterChoices(ledger=ledger, members=members)
        self._preferred = preference(None)
        self._paused = paused
        self.cluster = self._new_cluster(identity, program)
        self.neighbourhood = self._new_neighbourhood(identity)
        self.desk = self._new_desk(identity)
        self.joining = self._new_joining(identity)
        contacts.host = self.joining
        self.control = self._new_control()

    # --- its parts

    def _new_cluster(self, identity: Identity, program: str) -> Cluster:
        settings = self._settings
        return Cluster(
            identity=identity,
            cluster=self._founded,
            about=About(name=settings.node_name, program=program, http_port=settings.port),
            preference=self._preferred,
            members=self._members,
            ledger=self._ledger,
            dialler=self._client,
            addresses=self._contacts,
            term_file=self._folder.term,
            listener=self,
        )

    def _new_neighbourhood(self, identity: Identity) -> Neighbourhood:
        return Neighbourhood(
            settings=self._settings,
            identity=identity,
            cluster=self._founded,
            boot=self.cluster.boot,
            contacts=self._contacts,
            members=self._members,
            file=self._folder.addresses,
            written=WrittenAddresses(file=self._folder.added_peers, settings=self._settings.peers),
            on_change=self._somebody_found,
            naming=self._naming,
        )

    def _new_desk(self, identity: Identity) -> PairingDesk:
        return PairingDesk(
            identity=identity,
            cluster=self._founded.id,
            cluster_name=self.name,
            members=self._members,
            ledger=self._ledger,
            peer_addresses=lambda: self.neighbourhood.own_addresses,
            front_doors=lambda: self.neighbourhood.own_front_doors,
        )

    def _new_joining(self, identity: Identity) -> Joining:
        return Joining(
            identity=identity,
            name=self._settings.node_name,
            own=self._standing,
            doors=self._doors,
            members=self._client,
            on_joined=self._joined,
            automatic=self._settings.join_automatically,
        )

    def _new_control(self) -> Control:
        return Control(
            cluster=self.cluster,
            desk=self.desk,
            joining=self.joining,
            ledger=self._ledger,
            naming=self._naming,
            choices=self._choices,
            url=self.url,
            local_url=lambda: f"http://localhost:{self.neighbourhood.front_port}",
            discovery=self.neighbourhood.document,
            warnings=self.neighbourhood.warnings,
            on_removed=self._standpoint.end_sessions,
            leave=self._leave,
            add_address=self._add_address,
            remove_address=self.neighbourhood.cross_out,
            now=self._now,
        )

    # --- its life

    async def open(self, *, front_port: int, routes: Sequence[PeerRoute]) -> None:
        """Be reachable and begin to look for others. Raises ListenError, LedgerError."""
        await self._naming.open(self._renamed)
        await self._choices.open()
        await self._look_again()
        await self.desk.open()
        await self.cluster.open()
        self._members.on_change(self._members_changed)
        own = [replica_route(self._ledger), self._welcome_route(), self._leave_route()]
        self._server = PeerServer(
            identity=self._identity,
            host="" if self._settings.host == "0.0.0.0" else self._settings.host,
            port=self._settings.peer_port,
            routes=[*routes, *own],
            links=[self.cluster.link_route()],
        )
        await self._server.start(self._certificates())
        await self.neighbourhood.open(front_port=front_port, peer_port=self._server.port)
        self._somebody_found()
        self._use_token(self._settings.join_token)

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep its tasks running."""
        supervisor.start("election", self.cluster.heart.run)
        supervisor.start("links to the other machines", self.cluster.run_care)
        supervisor.start("joining a cluster", self.joining.run)
        supervisor.start("replication", self._ledger.run)
        supervisor.start("telling the load", lambda: self._serving.run(self.cluster))
        supervisor.start("who may connect", self._follow_members)
        supervisor.start("whether this machine should be the router", self._keep_looking)
        supervisor.start("the cluster's name", self._naming.run)
        supervisor.start("addresses of the other machines", self.neighbourhood.run)

    async def drain(self) -> None:
        """Let another machine be the router before this one stops answering."""
        if not self.cluster.alone and not self._leaving:
            await self.cluster.drain(timeout_s=_DRAIN_S)

    async def close(self) -> None:
        """Say goodbye everywhere. Its tasks must have ended."""
        await self.neighbourhood.close()
        await self.cluster.close()
        if self._server is not None:
            await self._server.stop(_GRACE_S)

    def _use_token(self, token: str | None) -> None:
        """A machine that is on its own joins with it; a wrong one is told, and the machine serves all the same."""
        if token is not None and self.cluster.alone:
            try:
                self.joining.begin(Wish(token=token))
            except PairingError as error:
                _LOG.error("the setting join_token", error=str(error))

    def sharing_changed(self) -> None:
        """It works for itself only from now on, or for all again."""
        self._stand_or_not()

    # --- what it is

    def name(self) -> str:
        """What people call the cluster."""
        return self._naming.name

    def url(self) -> str:
        """For machines that don't run Corral."""
        return f"http://{self.neighbourhood.label}.local:{self.neighbourhood.front_port}"

    def info(self) -> ClusterInfo:
        """For machines that may want to join."""
        own = self._standing()
        return ClusterInfo(
            cluster=own.id, name=self.name(), members=own.members, used=own.used, founded_at=own.founded_at
        )

    # --- Listener of the cluster

    def router_changed(self) -> None:
        """Say the name, or stop saying it."""
        self.neighbourhood.set_router(
            reigns=self.cluster.router == self.cluster.node, standbys=sorted(self.cluster.live)
        )
        self._standpoint.changed()

    def live_changed(self, live: frozenset[NodeId]) -> None:
        """Other machines came or went."""
        self._serving.set_live(live)
        self.router_changed()

    def load(self, peer: NodeId, report: bytes) -> None:
        """A member told its load."""
        self._serving.hear(self.cluster, peer, report)

    def told(self, peer: NodeId, topic: str, body: bytes) -> None:
        """A member told something longer."""
        self._serving.told(self.cluster, peer, topic, body)

    def linked(self, peer: NodeId) -> None:
        """It knows nothing yet."""
        self._serving.linked(peer)

    def removed(self) -> None:
        """Somebody took this machine out: begin anew, alone."""
        if not self._leaving:
            _LOG.warning("this machine was removed from the cluster; it starts anew on its own")
            self._begin_anew()

    # --- parts

    def _doors(self) -> Sequence[Door]:
        return doors(self.neighbourhood.candidates(), self._founded.id, self._contacts.written)

    async def _keep_looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._choices.changed()
            await self._look_again()

    async def _look_again(self) -> None:
        """A laptop may run on its battery now, and somebody may have chosen."""
        chosen = self._choices.of(self._identity.node)
        self._preferred = await asyncio.to_thread(self._preference, chosen)
        self._stand_or_not()

    def _stand_or_not(self) -> None:
        """While it is paused it is not the router of others. On its own it stays its own."""
        able = self._preferred.eligible and (self.cluster.alone or not self._paused())
        self.cluster.set_preference(replace(self._preferred, eligible=able))

    def _renamed(self) -> None:
        self.neighbourhood.say_name()
        self._standpoint.changed()

    def _standing(self) -> Standing:
        return Standing(
            id=self._founded.id,
            members=len(self._members.roster.members),
            used=self._standpoint.used(),
            founded_at=self._founded.founded_at,
        )

    def _certificates(self) -> list[Certificate]:
        return [member.certificate for member in self._members.roster.members.values()]

    def _members_changed(self) -> None:
        self._stand_or_not()
        self.neighbourhood.members_changed()
        self._serving.keep_only(self._members.roster.members)
        self._news.set()
        self._standpoint.changed()

    async def _follow_members(self) -> None:
        known: set[NodeId] = set(self._members.roster.members)
        while True:
            assert self._server is not None, "open it first"
            await self._server.set_members(self._certificates())
            members = set(self._members.roster.members)
            for gone in known - members:
                self._client.forget(gone)
                self._ledger.forget(gone)
            known = members
            await self._news.wait()
            self._news.clear()

    def _somebody_found(self) -> None:
        self.cluster.set_addresses(self.neighbourhood.own_addresses)
        for candidate in self.neighbourhood.candidates():
            if candidate.node is not None and candidate.member:
                self.cluster.found(candidate.node)

    async def _add_address(self, address: Address) -> None:
        await self.neighbourhood.write_down(address)
        self._somebody_found()

    # --- coming and going

    def _welcome_route(self) -> PeerRoute:
        return PeerRoute(method="POST", path=WELCOME_PATH, handler=self._welcome, most_bytes=0)

    async def _welcome(self, request: PeerRequest) -> PeerAnswer:
        """What members know, for one that was just let in: the cluster's key is among it."""
        certificates = tuple(each.pem for each in self._certificates())
        told = ClusterIdentity(
            id=self._founded.id,
            name=self.name(),
            key=self._founded.key,
            founded_at=self._founded.founded_at,
            introduced=certificates,
        )
        return PeerAnswer(body=told.encoded())

    async def _joined(self, cluster: ClusterIdentity, joined: Joined) -> None:
        """Belong to another cluster from the next start on, which is now."""
        _LOG.info("joined", cluster=cluster.name)
        await self.neighbourhood.hand_over(joined.host, joined.addresses)
        await asyncio.to_thread(write_cluster, self._folder.cluster, cluster)
        self._standpoint.start_anew()

    def _leave_route(self) -> PeerRoute:
        return PeerRoute(method="POST", path=LEAVE_PATH, handler=self._let_go, most_bytes=0)

    async def _let_go(self, request: PeerRequest) -> PeerAnswer:
        await self.control.revoke(request.peer)
        return PeerAnswer(status=204)

    async def _leave(self) -> None:
        self._leaving = True
        await self.cluster.drain(timeout_s=_DRAIN_S)
        others = [self.cluster.router, *sorted(self.cluster.live)]
        await tell_goodbye(self._client, [each for each in others if each not in (None, self.cluster.node)])
        self._begin_anew()

    def _begin_anew(self) -> None:
        """A removed key stays refused for ever, so the machine gets a new one too."""
        self._leaving = True
        self._folder.identity.rename(self._folder.identity.with_name(f"identity-until-{int(self._now())}"))
        write_cluster(self._folder.cluster, found_cluster(now=self._now()))
        self._standpoint.start_anew()
