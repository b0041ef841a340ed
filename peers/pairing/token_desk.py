"""Invite tokens, the host's side: each proof admits exactly the machine that it names, and each machine takes one use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from corral.peers.ids import NodeId
from corral.peers.pairing.desk import (
    Admission,
    HostView,
    admission_again,
    admission_of,
    check_newcomer,
    offer_of,
)
from corral.peers.pairing.errors import RequestUnknown, TokenUnknown, TranscriptMismatch
from corral.peers.pairing.messages import BeginToken, Offer, ProveToken
from corral.peers.pairing.pace import Pace
from corral.peers.pairing.token import TokenRow, check_token, host_proof, is_signed, offer_proof
from corral.peers.pairing.transcript import NONCE_BYTES, Meeting
from corral.peers.pairing.waiting_room import Source, WaitingRoom

_EXCHANGE_LIFETIME_S: Final = 60.0
_BURST: Final = 20
_EVERY_S: Final = 3.0


@dataclass(slots=True)
class _Exchange:
    meeting: Meeting
    token: str
    proven: ProveToken | None = None
    admission: Admission | None = None


class TokenDesk:
    """Who is about to join with a token."""

    def __init__(self, view: HostView, tokens: Callable[[str], TokenRow | None]) -> None:
        self._view = view
        self._tokens = tokens
        self._pace = Pace(burst=_BURST, every_s=_EVERY_S)
        self._exchanges = WaitingRoom[_Exchange](
            most=128, most_of_address=32, lifetime_s=_EXCHANGE_LIFETIME_S
        )
        self._reserved: dict[str, set[NodeId]] = {}  # by token; let in, and not in the roster yet

    def begin(self, message: BeginToken, source: Source, *, now: float) -> Offer:
        """Prove who the host is. Raises TokenRefused, PutOff and what a greeting raises."""
        self._pace.take(source, now=now)
        greeting = self._view.greeting(message)
        row = self._good(message.token, greeting.newcomer.node, now)
        meeting = self._view.meeting(
            greeting,
            exchange=self._view.new_exchange(),
            newcomer=bytes.fromhex(message.token) + message.nonce,
            host=self._view.random(NONCE_BYTES),
        )
        self._exchanges.enter(meeting.exchange, _Exchange(meeting, message.token), source, now=now)
        return offer_of(meeting, offer_proof(row.verifier, meeting.seen()))

    def prove(self, message: ProveToken, *, now: float) -> Admission:
        """Reserve a use. Raises TokenRefused, TranscriptMismatch, RequestUnknown."""
        exchange = self._exchanges.get(message.exchange, now=now)
        if exchange is None:
            raise RequestUnknown
        if exchange.admission is not None:
            if exchange.proven != message:
                raise TranscriptMismatch
            return admission_again(self._view, exchange.admission)  # the answer was lost
        meeting, seen = exchange.meeting, exchange.meeting.seen()
        row = self._good(exchange.token, meeting.greeting.newcomer.node, now)
        if not is_signed(row.verifier, seen, message.proof):
            raise TranscriptMismatch
        check_newcomer(meeting, seen, message.signature)
        exchange.proven = message
        exchange.admission = admission_of(
            self._view,
            meeting,
            seen=seen,
            approved_by=row.created_by,
            joined_with=row.id,
            proof=host_proof(row.verifier, seen),
        )
        self._reserved.setdefault(row.id, set()).add(exchange.admission.node)
        return exchange.admission

    def abandoned(self, admission: Admission) -> None:
        """The row couldn't be stored: the use is free again and the newcomer may begin anew."""
        self._reserved.get(admission.joined_with or "", set()).discard(admission.node)
        self._exchanges.leave(admission.exchange)

    def _good(self, token: str, node: NodeId, now: float) -> TokenRow:
        row = self._tokens(token)
        if row is None:
            raise TokenUnknown
        stored = self._view.roster().admitted_with(token)
        reserved = self._reserved.get(token, set())
        reserved -= stored
        check_token(row, (stored | reserved) - {node}, now=now)
        return row
