"""This machine in its cluster: joins the election, the ledger and the links, and says who is router.

All methods are for the loop's thread. It acts through what it is given: links out, callbacks in.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from corral.peers.address import Address
from corral.peers.cluster import link_messages as wire
from corral.peers.cluster.cluster_file import ClusterIdentity
from corral.peers.cluster.enrolment import own_row
from corral.peers.cluster.heart import Heart
from corral.peers.cluster.links import LINK_PATH, Dialler, Links
from corral.peers.cluster.members import TABLE, Members
from corral.peers.cluster.outgoing import Outgoing
from corral.peers.cluster.peer_facts import FactBook
from corral.peers.cluster.seen import Seen
from corral.peers.cluster.surroundings import About, Addresses, Listener, told_addresses
from corral.peers.cluster.term_file import read_term, write_term
from corral.peers.election import messages as election
from corral.peers.election.chronicle import Change
from corral.peers.election.elector import Elector, Preference, State
from corral.peers.election.errors import MalformedMessage as MalformedElection
from corral.peers.election.messages import ClaimRef
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.in_step import next_step_s
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import MalformedMessage as MalformedSummary
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.messages import decode_summary
from corral.peers.transport.route import LinkRoute
from corral.peers.waking_clock import waking_clock

SILENT_S = 2.5  # a link to a member that fell silent is opened anew if it is older than this
_LOOK_S = 0.5
_SAYING_S = 0.1  # until a message is on its way
_LOG = structlog.get_logger(__name__)


class Cluster:
    """Make it, `open` it, and keep `heart.run`, `run_care` and the ledger's `run` running."""

    def __init__(
        self,
        *,
        identity: Identity,
        cluster: ClusterIdentity,
        about: About,
        preference: Preference,
        members: Members,
        ledger: Ledger,
        dialler: Dialler,
        addresses: Addresses,
        term_file: Path,
        listener: Listener,
        clock: Callable[[], float] = waking_clock,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` counts sleep, `wall` is Unix time."""
        self.node = identity.node
        self.identity = cluster
        self.boot = secrets.token_hex(8)
        self.members = members
        self.facts = FactBook()
        self._certificate = identity.certificate
        self._about = about
        self._preference = preference
        self._ledger = ledger
        self._addresses = addresses
        self._term_file = term_file
        self._listener = listener
        self._clock = clock
        self._wall = wall
        self._seen = Seen()
        self._outgoing = Outgoing(summary=ledger.summary, clock=clock)
        self._changed = asyncio.Event()
        self.links = Links(dialler=dialler, observer=self)
        self._heart: Heart | None = None

    async def open(self) -> None:
        """Read who belongs, and begin to link with them. Raises LedgerError."""
        await self.members.open(self._ledger)
        term = await asyncio.to_thread(read_term, self._term_file)
        elector = Elector(
            me=self.node,
            boot=int(self.boot, 16) >> 11,  # a JSON number must stay below 2**53
            max_term=term,
            members=self.members.roster.members,
            now=self._clock(),
            rng=random.Random(self.boot),
            preference=self._preference,
        )
        self._heart = Heart(
            elector=elector,
            clock=self._clock,
            links=self,
            persist=lambda highest: write_term(self._term_file, highest),
            on_step=self._look,
        )
        await self._enrol()
        self.members.on_change(self._members_changed)
        self.links.set_members(self._others())

    async def close(self) -> None:
        """Say goodbye and close the links."""
        self.heart.do(self.heart.elector.leave(self._clock()))
        await asyncio.sleep(0)  # lets the links send it
        await self.links.close()

    # --- to be kept running

    async def run_care(self) -> None:
        """Open links anew that seem dead. Until cancelled."""
        while True:
            await asyncio.sleep(next_step_s(_LOOK_S))  # wakes with the others
            live = self.live
            for peer in self._others():
                if peer not in live and self.facts.of(peer).heard_at is not None:
                    self.links.renew(peer, older_than_s=SILENT_S)

    # --- what is so

    @property
    def heart(self) -> Heart:
        """The running election."""
        assert self._heart is not None, "open it first"
        return self._heart

    @property
    def is_open(self) -> bool:
        """Whether it takes part yet. Until then nobody is known to be router, and `heart` must not be asked for."""
        return self._heart is not None

    @property
    def is_router(self) -> bool:
        """Whether this machine may act as the router now: to be asked for each request."""
        return self.is_open and self.heart.is_router

    @property
    def router(self) -> NodeId | None:
        """Whom requests go to; None while there is nobody."""
        return self.heart.elector.router if self.is_open else None

    @property
    def claim(self) -> ClaimRef | None:
        """The claim that counts here."""
        return self.heart.elector.claim if self.is_open else None

    @property
    def state(self) -> State:
        """Of the election."""
        return self.heart.elector.state if self.is_open else State.JOINING

    @property
    def changes(self) -> tuple[Change, ...]:
        """The last changes of who reigns, oldest first."""
        return self.heart.elector.changes if self.is_open else ()

    @property
    def successors(self) -> tuple[NodeId, ...]:
        """Who could take over from the router, best first."""
        return self.heart.elector.successors if self.is_open else ()

    @property
    def live(self) -> frozenset[NodeId]:
        """The other members that answer."""
        return frozenset(self.heart.elector.live_peers) if self.is_open else frozenset()

    @property
    def alone(self) -> bool:
        """Whether nobody else belongs to it."""
        return not self._others()

    async def wait_for_change(self, timeout_s: float) -> None:
        """Returns when the router changes, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    def ago(self, peer: NodeId) -> float | None:
        """How many seconds ago a member was heard."""
        return self.facts.of(peer).ago(self._clock())

    def when(self, at: float) -> float:
        """Unix time of a moment of the clock that counts sleep."""
        return self._wall() - (self._clock() - at)

    async def hand_over(self, to: NodeId | None, *, timeout_s: float) -> None:
        """Let a member, or the best one, be the router; returns when it is. Raises HandoverImpossible, TimeoutError."""
        self.heart.do(self.heart.elector.handover(to, self._clock()))
        async with asyncio.timeout(timeout_s):
            while self.router in (None, self.node):
                await self.wait_for_change(_LOOK_S)
                if self.state is State.ROUTER:  # nobody answered in time: they are busy
                    self.heart.do(self.heart.elector.handover(to, self._clock()))

    async def drain(self, *, timeout_s: float) -> None:
        """Hand over before this machine stops, if anybody can take over."""
        self.heart.do(self.heart.elector.drain(self._clock()))
        try:
            async with asyncio.timeout(timeout_s):
                while self.state is State.DRAINING:
                    await self._changed.wait()
        except TimeoutError:
            _LOG.info("nobody took over in time")

    # --- what to say

    @property
    def hello(self) -> wire.Hello:
        """What this machine tells of itself."""
        return self._about.hello(self.boot)

    def set_preference(self, preference: Preference) -> None:
        """How much this machine should be the router from now on."""
        if preference != self._preference:
            self._preference = preference
            if self.is_open:
                self.heart.do(self.heart.elector.set_preference(preference, self._clock()))

    def set_load(self, report: bytes) -> None:
        """What heartbeats say of this machine's load from now on; equal bytes are sent once, to the router at once."""
        if report != self._outgoing.load:
            self._outgoing.load = report
            if (router := self.router) is not None:
                self._send_beat(router, b"")

    def tell(self, peer: NodeId, topic: str, body: bytes) -> None:
        """Tell a member something longer; lost if its link is down."""
        self.links.send(peer, wire.encode(wire.Told(topic=topic, body=body)))

    async def say_removed(self, peer: NodeId) -> None:
        """Tell a member that it is one no more, while it still listens. One that doesn't finds closed doors later."""
        self.tell(peer, wire.REMOVED, b"")
        await asyncio.sleep(_SAYING_S)

    def set_addresses(self, addresses: Sequence[Address]) -> None:
        """Where this machine can be reached now."""
        self._about = replace(
            self._about, addresses=tuple(str(each) for each in addresses)[: wire.MOST_ADDRESSES]
        )
        for peer in self._others():
            self._greet(peer)

    def found(self, peer: NodeId) -> None:
        """A member was heard of: dial it now if its link is down."""
        if not self.links.is_open(peer):
            self.links.dial_now(peer)

    # --- the peer port

    def link_route(self) -> LinkRoute:
        """Where members link to."""
        return LinkRoute(
            path=LINK_PATH,
            on_open=self.found,
            on_message=self._hear,
            on_close=lambda peer: None,
            most_bytes=wire.MOST_BYTES,
        )

    # --- LinkObserver and HeartLinks

    def link_opened(self, peer: NodeId) -> None:
        """Greet it."""
        self._outgoing.begin(peer)
        self._greet(peer)
        self._listener.linked(peer)

    def link_lost(self, peer: NodeId) -> None:
        """Its process may be gone."""
        self.heart.lost(peer)

    def link_refused(self, peer: NodeId) -> None:
        """Its process is gone."""
        self.heart.refused(peer)

    def send_election(self, to: NodeId, message: election.Message) -> None:
        """Heartbeats take along what else changed."""
        body = election.encode(message)
        if isinstance(message, election.Beat):
            self._send_beat(to, body)
        else:
            self.links.send(to, wire.encode(wire.Beat(election=body)))

    def dial_now(self, peer: NodeId) -> None:
        """The elector wants to know whether it is there."""
        self.links.dial_now(peer)

    # --- what comes in

    def _hear(self, peer: NodeId, body: bytes) -> None:
        if peer not in self.members.roster.members:
            return
        try:
            message = wire.decode(body)
            self._take(peer, message)
        except wire.UnknownKind:
            return  # it is of a later version
        except (wire.MalformedLinkMessage, MalformedElection, MalformedSummary) as error:
            _LOG.warning("a member said something malformed", peer=self.members.name(peer), error=str(error))

    def _take(self, peer: NodeId, message: wire.LinkMessage) -> None:
        self.facts.heard(peer, self._clock())
        match message:
            case wire.Hello():
                self._greeted(peer, message)
            case wire.Told(topic=wire.REMOVED):
                self._listener.removed()
            case wire.Told(topic=topic, body=body):
                self._listener.told(peer, topic, body)
            case wire.Beat():
                self._beaten(peer, message)

    def _greeted(self, peer: NodeId, hello: wire.Hello) -> None:
        self.facts.greeted(peer, hello)
        now = self._clock()
        for node, texts in {**hello.known, peer: hello.addresses}.items():
            if node in self.members.roster.members and node != self.node:
                read = filter(None, map(Address.read, texts))
                self._addresses.gossip(NodeId(node), read, now)

    def _beaten(self, peer: NodeId, beat: wire.Beat) -> None:
        if self.facts.of(peer).needs_update:
            return
        if beat.election:
            self.heart.hear(peer, election.decode(beat.election))
        if beat.replica:
            self._ledger.hear(peer, decode_summary(beat.replica))
        if beat.load:
            self._listener.load(peer, beat.load)

    # --- parts

    def _others(self) -> list[NodeId]:
        return [node for node in self.members.roster.members if node != self.node]

    def _send_beat(self, to: NodeId, body: bytes) -> None:
        if self.links.is_open(to):
            self.links.send(to, wire.encode(self._outgoing.beat(to, election=body)))

    def _greet(self, peer: NodeId) -> None:
        others = [each for each in self._others()[: wire.MOST_MEMBERS] if each != peer]
        self.links.send(
            peer, wire.encode(self._about.hello(self.boot, told_addresses(self._addresses, others)))
        )

    async def _enrol(self) -> None:
        own = own_row(
            self.members.roster,
            self.node,
            name=self._about.name,
            certificate=self._certificate,
            joined=self._ledger.joined,
            now=self._wall(),
        )
        if own:
            await self._ledger.write([Edit(TABLE, self.node, own)])

    def _members_changed(self) -> None:
        members = self.members.roster.members
        if self.node in self.members.roster.revoked:
            self._listener.removed()
        self.heart.do(self.heart.elector.set_members(members, self._clock()))
        self.links.set_members(self._others())
        self.facts.keep_only(members)
        self._outgoing.keep_only(members)

    def _look(self) -> None:
        """Tell what changed since the last look."""
        elector = self.heart.elector
        seen = Seen(elector.claim, elector.claim is not None and elector.router == self.node, self.live)
        before, self._seen = self._seen, seen
        if seen.live != before.live:
            self._ledger.set_live(seen.live)
            self._listener.live_changed(seen.live)
        if (seen.claim, seen.reigns) != (before.claim, before.reigns):
            self._announce()

    def _announce(self) -> None:
        claim = self.claim
        _LOG.info(
            "router",
            router=None if claim is None else self.members.name(claim.router),
            term=None if claim is None else claim.term,
            here=self._seen.reigns,
        )
        self._changed.set()
        self._changed = asyncio.Event()
        self._listener.router_changed()
