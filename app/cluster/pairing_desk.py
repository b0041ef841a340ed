"""The router's side of pairing: what newcomers say over HTTP, and what people decide."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from corral.app.cluster.errors import NoSuchInvite, NoSuchRequest
from corral.peers.address import Address
from corral.peers.cluster.members import TABLE, Members
from corral.peers.identity.identity import Identity
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing.approval_desk import Pending
from corral.peers.pairing.code_desk import Reckoning, ShownCode
from corral.peers.pairing.desk import Admission
from corral.peers.pairing.errors import PairingError, RequestUnknown
from corral.peers.pairing.host import Outcome, PairingHost
from corral.peers.pairing.messages import Admitted, Answer, decode_request, encode, refusal_of
from corral.peers.pairing.token import TokenRow, new_token, token_row
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row
from corral.peers.replication.view import View

_TOKENS = "join_tokens"
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PairingAnswer:
    """What a newcomer is told. A refusal is an error in the shape of every other one too."""

    status: int
    body: bytes


class PairingDesk:
    """One for each node; only the router's is asked. `open` it before use."""

    def __init__(
        self,
        *,
        identity: Identity,
        cluster: ClusterId,
        cluster_name: Callable[[], str],
        members: Members,
        ledger: Ledger,
        peer_addresses: Callable[[], Sequence[Address]],
        front_doors: Callable[[], Sequence[Address]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` gives Unix time."""
        self._identity = identity
        self._cluster = cluster
        self._members = members
        self._ledger = ledger
        self._front_doors = front_doors
        self._now = now
        self._tokens: View | None = None
        self._host = PairingHost(
            identity=identity,
            cluster=cluster,
            cluster_name=cluster_name,
            roster=lambda: members.roster,
            tokens=self._token,
            addresses=peer_addresses,
        )

    async def open(self) -> None:
        """Read the tokens, and follow what changes. Raises LedgerError."""
        self._tokens = await self._ledger.view(_TOKENS)

    async def answer(self, body: bytes, *, client: str) -> PairingAnswer:
        """The answer to a newcomer at an address. Raises LedgerError if it can't be written down."""
        try:
            outcome = self._host.handle(decode_request(body), client=client, now=self._now())
            return PairingAnswer(200, encode(await self._finished(outcome)))
        except PairingError as error:
            return PairingAnswer(409, _refused(error))

    # --- what people decide

    def pending(self) -> Sequence[Pending]:
        """The machines that wait for an approval."""
        return self._host.pending(now=self._now())

    async def decide(self, id: str, *, approve: bool, by: str) -> NodeId:
        """Let a machine in or turn it away. Raises NoSuchRequest, LedgerError."""
        node = next((each.node for each in self.pending() if each.id == id), None)
        if node is None:
            raise NoSuchRequest
        try:
            if approve:
                await self._admit(self._host.approve(id, by=by, now=self._now()))
            else:
                self._host.deny(id, now=self._now())
        except RequestUnknown as error:
            raise NoSuchRequest from error
        _LOG.info("request to join decided", node=node, approved=approve, by=by)
        return node

    def show_code(self) -> ShownCode:
        """A code that lets one machine in. Raises PairingError (CoolDown)."""
        return self._host.show_code(by=None, now=self._now())

    async def invite(self, *, uses: int, hours: float, by: str) -> tuple[str, TokenRow]:
        """A new token, whose text is kept nowhere."""
        token, row = new_token(
            cluster=self._cluster,
            maker=self._identity.node,
            hints=self._front_doors(),
            uses=uses,
            hours=hours,
            by=by,
            now=self._now(),
            random=secrets.token_bytes,
        )
        await self._ledger.write([Edit(_TOKENS, row.id, row.columns())])
        return token.text, row

    def invites(self) -> Sequence[TokenRow]:
        """Every token, oldest first."""
        rows = [token_row(row) for row in self._rows().values()]
        return sorted((row for row in rows if row is not None), key=lambda row: row.created_at)

    async def revoke_invite(self, id: str) -> None:
        """End a token. Raises NoSuchInvite."""
        row = self._token(id)
        if row is None or row.revoked_at is not None:
            raise NoSuchInvite
        await self._ledger.write([Edit(_TOKENS, id, {"revoked_at": self._now()})])

    # --- parts

    async def _finished(self, outcome: Outcome) -> Answer:
        if isinstance(outcome, Reckoning):
            reckoned = await asyncio.to_thread(outcome.reckon)
            outcome = self._host.resume(outcome, reckoned, now=self._now())
        return await self._admit(outcome) if isinstance(outcome, Admission) else outcome

    async def _admit(self, admission: Admission) -> Admitted:
        if not admission.known:
            try:
                await self._ledger.write([Edit(TABLE, admission.node, admission.columns(now=self._now()))])
            except BaseException:
                self._host.abandoned(admission)
                raise
            _LOG.info("a machine joined", node=admission.node, name=admission.name, way=admission.way)
        return self._host.admitted(admission)

    def _rows(self) -> Mapping[str, Row]:
        assert self._tokens is not None, "open it first"
        return self._tokens.rows

    def _token(self, id: str) -> TokenRow | None:
        row = self._rows().get(id)
        return None if row is None else token_row(row)


def _refused(error: PairingError) -> bytes:
    told = {"message": str(error), "type": "conflict_error", "param": None, "code": error.code}
    refusal: dict[str, object] = msgspec.to_builtins(refusal_of(error))
    return msgspec.json.encode({**refusal, "error": told})
