"""What people can see of the cluster and do with it, through HTTP and the command line."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict

from corral.app.cluster.errors import CantBeDone, NoSuchAddress, NoSuchNode
from corral.app.cluster.happenings import Document
from corral.app.cluster.joining import Joining, Wish
from corral.app.cluster.naming import Naming
from corral.app.cluster.numbers import ClusterNumbers, numbers_of
from corral.app.cluster.pairing_desk import PairingDesk
from corral.app.cluster.router_choices import RouterChoices
from corral.app.cluster.splits import Change, Silence, split_warnings
from corral.app.cluster.written_addresses import PEER_PORT
from corral.app.times import rfc3339
from corral.peers.address import Address, BadAddress
from corral.peers.cluster.cluster import Cluster
from corral.peers.cluster.members import TABLE
from corral.peers.election.errors import HandoverImpossible
from corral.peers.ids import NodeId
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.roster import Member
from corral.peers.pairing.token import TokenRow, uses_left
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger

_HANDOVER_S = 5.0
_SKEW_S = 30.0  # more is worth a warning


class Control:
    """A ClusterControl. What changes rows is for the router only: other front doors pass it on."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        desk: PairingDesk,
        joining: Joining,
        ledger: Ledger,
        naming: Naming,
        choices: RouterChoices,
        url: Callable[[], str],
        local_url: Callable[[], str],
        discovery: Callable[[], Document],
        warnings: Callable[[], Sequence[str]],
        on_removed: Callable[[], Awaitable[None]],
        leave: Callable[[], Awaitable[None]],
        add_address: Callable[[Address], Awaitable[None]],
        remove_address: Callable[[Address], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        """`url` is for machines that don't run Corral, `local_url` for this one; `now` gives Unix time."""
        self._cluster = cluster
        self._desk = desk
        self._joining = joining
        self._ledger = ledger
        self._naming = naming
        self._choices = choices
        self._url = url
        self._local_url = local_url
        self._discovery = discovery
        self._warnings = warnings
        self._on_removed = on_removed
        self._leave = leave
        self._add_address = add_address
        self._remove_address = remove_address
        self._now = now

    # --- seeing it

    def document(self) -> Document:
        """The whole cluster."""
        claim = self._cluster.claim
        return {
            "id": self._cluster.identity.id,
            "name": self._naming.name,
            "url": self._url(),
            "state": self._cluster.state.value,
            "term": 0 if claim is None else claim.term,
            "node": self._this(),
            "router": self._router(),
            "nodes": [self._node(member) for member in self._members()],
            "requests": [
                {
                    "id": each.id,
                    "name": each.name,
                    "node": each.node,
                    "address": each.address,
                    "code": each.code,
                    "asked_at": rfc3339(each.asked_at),
                }
                for each in self._desk.pending()
            ],
            "elections": self._elections(),
            "warnings": [*self._split_warnings(), *self._clock_warnings()],
        }

    def local(self) -> Document:
        """What this machine knows by itself."""
        return {
            "url": self._local_url(),
            "cluster_url": self._url(),
            "node": self._this(),
            "cluster": {"id": self._cluster.identity.id, "name": self._naming.name},
            "router": self._router(),
            "nodes": [self._node(member) for member in self._members()],
            "joining": self.joining,
            "warnings": [*self._warnings(), *self._split_warnings(), *self._clock_warnings()],
            "splits": self._split_warnings(),
            "discovery": self._discovery(),
        }

    def numbers(self) -> ClusterNumbers:
        """For `/metrics`."""
        return numbers_of(self._cluster, self._ledger)

    @property
    def joining(self) -> Document | None:
        """What this machine does to get into another cluster."""
        joining = self._joining.status
        return None if joining is None else asdict(joining)

    @property
    def unsaid(self) -> object:
        """What changes without anybody being told."""
        choices = [self._choices.of(node) for node in self._cluster.members.roster.members]
        return self._naming.name, self._joining.status, [each.id for each in self._desk.pending()], choices

    @property
    def role(self) -> str:
        """router, follower, alone, joining."""
        if self._cluster.router is None:
            return "joining"
        if self._cluster.alone:
            return "alone"
        return "router" if self._cluster.router == self._cluster.node else "follower"

    # --- machines

    async def decide(self, request: str, *, approve: bool, by: str) -> Document:
        """Let a machine in, or turn it away. Raises ClusterError."""
        node = await self._desk.decide(request, approve=approve, by=by)
        return {"node": node, "approved": approve}

    async def remove(self, node: str) -> None:
        """Take a machine out for good. Raises NoSuchNode, CantBeDone."""
        id = NodeId(node)
        if id not in self._cluster.members.roster.members:
            raise NoSuchNode
        if id == self._cluster.node:
            raise CantBeDone(
                "this machine is the router; let it leave (`corral cluster leave` there), or hand over first"
            )
        await self.revoke(id)

    async def revoke(self, node: NodeId) -> None:
        """It belongs no more, and what it knew is worth nothing: all sessions end."""
        await self._cluster.say_removed(node)
        await self._ledger.write([Edit(TABLE, node, {"revoked_at": self._now()})])
        await self._on_removed()

    async def choose_router(self, node: str, choice: str | None) -> Document:
        """Whether a machine should be the router; None: its own setting counts. Raises NoSuchNode."""
        id = NodeId(node)
        await self._choices.choose(id, choice)
        return self._node(self._cluster.members.roster.members[id])

    async def rename(self, name: str) -> None:
        """Call the cluster something else."""
        await self._naming.rename(name)

    async def hand_over(self, node: str | None) -> Document:
        """Let another machine be the router; returns when it is. Raises NoSuchNode, CantBeDone."""
        to = None if node is None else NodeId(node)
        if to is not None and to not in self._cluster.members.roster.members:
            raise NoSuchNode
        if to is None or to != self._cluster.node:
            try:
                await self._cluster.hand_over(to, timeout_s=_HANDOVER_S)
            except (HandoverImpossible, TimeoutError) as error:
                raise CantBeDone(str(error) or "nobody took over in time; the router stays") from error
        return {"router": self._router()}

    # --- letting machines in

    def show_code(self) -> Document:
        """A code for one machine."""
        try:
            shown = self._desk.show_code()
        except PairingError as error:
            raise CantBeDone(str(error)) from error
        return {"code": shown.code, "expires_in_s": max(1, round(shown.expires_at - self._now()))}

    async def invite(self, *, uses: int, hours: float, by: str) -> Document:
        """A token for several."""
        text, row = await self._desk.invite(uses=uses, hours=hours, by=by)
        return {**self._invite(row), "token": text}

    async def invites(self) -> Sequence[Document]:
        """Every token."""
        return [self._invite(row) for row in self._desk.invites()]

    async def revoke_invite(self, id: str) -> None:
        """End a token. Raises NoSuchInvite."""
        await self._desk.revoke_invite(id)

    # --- this machine

    async def join(self, *, token: str | None, code: str | None, host: str | None) -> None:
        """Begin to join another cluster. Raises CantBeDone."""
        if not self._cluster.alone:
            raise CantBeDone("this machine belongs to a cluster; let it leave first: `corral cluster leave`")
        try:
            self._joining.begin(Wish(token=token, code=code, host=host))
        except PairingError as error:
            raise CantBeDone(str(error)) from error

    async def leave(self) -> None:
        """Begin to leave the cluster. Raises CantBeDone."""
        if self._cluster.alone:
            raise CantBeDone("this machine is on its own already")
        await self._leave()

    async def add_address(self, address: str) -> None:
        """Look for a machine there, now and later. Raises ClusterError."""
        try:
            await self._add_address(Address.parse(address, default_port=PEER_PORT))
        except BadAddress as error:
            raise CantBeDone(str(error)) from error

    async def remove_address(self, address: str) -> None:
        """Look for no machine there any more. Raises NoSuchAddress, CantBeDone."""
        try:
            await self._remove_address(Address.parse(address, default_port=PEER_PORT))
        except BadAddress as error:
            raise NoSuchAddress from error

    # --- parts

    def _this(self) -> Document:
        return {
            "id": self._cluster.node,
            "name": self._cluster.members.name(self._cluster.node),
            "role": self.role,
        }

    def _router(self) -> Document | None:
        router = self._cluster.router
        return None if router is None else self._named(router)

    def _named(self, node: NodeId) -> Document:
        return {"id": node, "name": self._cluster.members.name(node)}

    def _members(self) -> Sequence[Member]:
        members = self._cluster.members.roster.members.values()
        return sorted(members, key=lambda member: (member.approved_at, member.node))

    def _node(self, member: Member) -> Document:
        node, this = member.node, member.node == self._cluster.node
        facts = self._cluster.facts.of(node)
        hello = self._cluster.hello if this else facts.hello
        known = this or facts.greeted
        role = "router" if node == self._cluster.router else "follower"
        dialled = None if this else self._cluster.links.dialled(node)
        return {
            **self._named(node),
            "this": this,
            "role": role if this or node in self._cluster.live else "unknown",
            "online": this or node in self._cluster.live,
            "last_heard_s": 0.0 if this else _rounded(self._cluster.ago(node)),
            "version": hello.program if known else None,
            "addresses": list(hello.addresses),
            "http_port": hello.http_port if known else None,
            "clock_skew_s": 0.0 if this else self._skew(node),
            "approved_at": rfc3339(member.approved_at),
            "router_choice": self._choices.of(node),
            "needs_update": facts.needs_update,
            "link": None if dialled is None else dialled.kind,
            "trouble": None if dialled is None else dialled.error,
        }

    def _skew(self, node: NodeId) -> float | None:
        return round(self._ledger.skew_s(node), 1) if node in self._cluster.live else None

    def _clock_warnings(self) -> list[str]:
        skews = [(node, self._skew(node)) for node in sorted(self._cluster.live)]
        return [
            f"the clock of {self._cluster.members.name(node)} is {abs(skew):.0f} s "
            f"{'ahead of' if skew > 0 else 'behind'} this machine's; set both by the network's time"
            for node, skew in skews
            if skew is not None and abs(skew) > _SKEW_S
        ]

    def _split_warnings(self) -> list[str]:
        cluster = self._cluster
        now = self._now()
        changes = [
            Change(
                at=cluster.when(each.at),
                reason=each.reason,
                router=None if each.claim is None else cluster.members.name(each.claim.router),
            )
            for each in cluster.changes
        ]
        return split_warnings(changes, self._silent(now), now=now)

    def _silent(self, now: float) -> Iterator[Silence]:
        cluster = self._cluster
        for member in self._members():
            ago = cluster.ago(member.node)
            if ago is not None and member.node != cluster.node and member.node not in cluster.live:
                dialled = cluster.links.dialled(member.node)
                ended = dialled is not None and dialled.kind == "refused"
                yield Silence(name=cluster.members.name(member.node), since=now - ago, ended=ended)

    def _elections(self) -> list[Document]:
        return [
            {
                "at": rfc3339(self._cluster.when(change.at)),
                "term": 0 if change.claim is None else change.claim.term,
                "router": None if change.claim is None else self._named(change.claim.router),
                "reason": change.reason,
            }
            for change in self._cluster.changes
        ]

    def _invite(self, row: TokenRow) -> Document:
        admitted = self._cluster.members.roster.admitted_with(row.id)
        left = uses_left(row, admitted)
        state = "valid"
        if row.revoked_at is not None:
            state = "revoked"
        elif row.expires_at <= self._now():
            state = "expired"
        elif left == 0:
            state = "used"
        return {
            "id": row.id,
            "uses": row.uses,
            "uses_left": left,
            "created_at": rfc3339(row.created_at),
            "created_by": row.created_by,
            "expires_at": rfc3339(row.expires_at),
            "state": state,
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
