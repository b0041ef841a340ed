"""Ask and approve, the host's side: a person compares six digits on two screens and clicks once.

Both sides first commit to a nonce, then tell it, the newcomer first. So neither can choose its nonce to fit, and the code that
the host shows is unknown to everybody until the request stands in the list. Somebody in the middle holds two exchanges with two
codes; each further guess at an equal one is one more request that people see, and each address gets only a few.

The click makes the host trust the newcomer. What makes the newcomer trust the host is the same comparison, so the newcomer shows
its code until and after it was admitted: a rogue cluster can let in whoever asks it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.peers.ids import NodeId
from corral.peers.pairing.desk import (
    Admission,
    HostView,
    admission_again,
    admission_of,
    admitted,
    check_newcomer,
    offer_of,
)
from corral.peers.pairing.errors import RequestDenied, RequestUnknown, TranscriptMismatch
from corral.peers.pairing.messages import Admitted, Ask, Offer, Poll, Reveal, Waiting
from corral.peers.pairing.pace import Pace
from corral.peers.pairing.transcript import (
    NONCE_BYTES,
    Greeting,
    Meeting,
    digest,
    digits,
    same,
)
from corral.peers.pairing.waiting_room import Source, WaitingRoom

MOST_PENDING: Final = 32
MOST_PENDING_OF_ADDRESS: Final = 4
REQUEST_LIFETIME_S: Final = 600.0
DENIED_S: Final = 600.0
BURST: Final = 8  # requests of one address at once, then
EVERY_S: Final = 60.0

_OFFER_LIFETIME_S: Final = 30.0
_MOST_OFFERS: Final = 64
_MOST_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A machine that waits for an approval. Times are Unix time in seconds."""

    id: str
    node: NodeId
    name: str
    address: str
    code: str  # what the newcomer must show too
    asked_at: float
    seen_at: float  # when it last asked whether somebody decided


@dataclass(frozen=True, slots=True)
class _Offered:
    meeting: Meeting
    nonce: bytes
    source: Source


@dataclass(slots=True)
class _Request:
    meeting: Meeting
    seen: bytes
    nonce: bytes
    revealed: Reveal
    source: Source
    asked_at: float
    seen_at: float

    @property
    def node(self) -> NodeId:
        return self.meeting.greeting.newcomer.node

    def waiting(self) -> Waiting:
        return Waiting(exchange=self.meeting.exchange, nonce=self.nonce)

    def pending(self) -> Pending:
        return Pending(
            id=self.meeting.exchange,
            node=self.node,
            name=self.meeting.greeting.name,
            address=self.source.address,
            code=code_of(self.seen),
            asked_at=self.asked_at,
            seen_at=self.seen_at,
        )


class ApprovalDesk:
    """The list of machines that ask, and what was decided."""

    def __init__(self, view: HostView) -> None:
        self._view = view
        self._pace = Pace(burst=BURST, every_s=EVERY_S)
        self._offers = WaitingRoom[_Offered](
            most=_MOST_OFFERS, most_of_address=MOST_PENDING_OF_ADDRESS, lifetime_s=_OFFER_LIFETIME_S
        )
        self._requests = WaitingRoom[_Request](
            most=MOST_PENDING, most_of_address=MOST_PENDING_OF_ADDRESS, lifetime_s=REQUEST_LIFETIME_S
        )
        self._admitted: OrderedDict[str, Admission] = OrderedDict()
        self._denied: OrderedDict[str, float] = OrderedDict()  # exchange, node or address → until when

    def ask(self, message: Ask, source: Source, *, now: float) -> Offer:
        """Answer with a commitment. Raises PutOff, RequestDenied and what a greeting raises."""
        self._check_denied(source.address, now)
        self._pace.take(source, now=now)
        greeting = self._view.greeting(message)
        nonce, exchange = self._view.random(NONCE_BYTES), self._view.new_exchange()
        commitment = host_commitment(exchange, self._view.identity.certificate.der, nonce)
        meeting = self._view.meeting(
            greeting, exchange=exchange, newcomer=message.commitment, host=commitment
        )
        self._offers.enter(exchange, _Offered(meeting, nonce, source), source, now=now)
        return offer_of(meeting)

    def reveal(self, message: Reveal, *, now: float) -> Waiting:
        """Put it on the list. Raises RequestUnknown, RequestDenied, TooManyPending, TranscriptMismatch."""
        request = self._requests.get(message.exchange, now=now)
        if request is not None and request.revealed == message:
            return request.waiting()  # the answer was lost
        offered = self._offers.get(message.exchange, now=now)
        if offered is None:
            raise RequestUnknown
        self._offers.leave(message.exchange)
        meeting = offered.meeting
        if not same(newcomer_commitment(meeting.greeting, message.nonce), meeting.from_newcomer):
            raise TranscriptMismatch
        check_newcomer(meeting, meeting.seen(message.nonce), message.signature)
        self._check_denied(meeting.greeting.newcomer.node, now)
        request = _Request(
            meeting=meeting,
            seen=meeting.seen(message.nonce, offered.nonce),
            nonce=offered.nonce,
            revealed=message,
            source=offered.source,
            asked_at=now,
            seen_at=now,
        )
        self._list(request, now)
        return request.waiting()

    def poll(self, message: Poll, *, now: float) -> Waiting | Admitted:
        """Whether somebody decided. Raises RequestUnknown, RequestDenied, NodeRemoved."""
        self._check_denied(message.exchange, now)
        admission = self._admitted.get(message.exchange)
        if admission is not None:
            return admitted(self._view, admission_again(self._view, admission))
        request = self._requests.get(message.exchange, now=now)
        if request is None:
            raise RequestUnknown
        request.seen_at = max(request.seen_at, now)
        return request.waiting()

    def pending(self, *, now: float) -> Sequence[Pending]:
        """Who waits, first come first."""
        return tuple(request.pending() for request in self._requests.values(now=now))

    def approve(self, id: str, *, by: str | None, now: float) -> Admission:
        """Let in exactly the certificate whose code was shown. Raises RequestUnknown."""
        request = self._requests.get(id, now=now)
        if request is None:
            raise RequestUnknown
        return admission_of(self._view, request.meeting, seen=request.seen, approved_by=by)

    def admitted(self, admission: Admission) -> None:
        """The row is stored: the newcomer learns it at its next question."""
        self._requests.leave(admission.exchange)
        self._admitted[admission.exchange] = admission
        if len(self._admitted) > _MOST_REMEMBERED:
            self._admitted.popitem(last=False)

    def deny(self, id: str, *, now: float) -> None:
        """Refuse a machine; it and its address can't ask for a while. Raises RequestUnknown."""
        request = self._requests.get(id, now=now)
        if request is None:
            raise RequestUnknown
        self._requests.leave(id)
        for name in (id, request.node, request.source.address):
            self._denied[name] = now + DENIED_S
            self._denied.move_to_end(name)
        while len(self._denied) > 3 * _MOST_REMEMBERED:
            self._denied.popitem(last=False)

    def _list(self, request: _Request, now: float) -> None:
        """One request for each node: a new one takes the old one's place. A member who lost its answer needs no approval."""
        if self._view.roster().knows(request.meeting.greeting.newcomer):
            self.admitted(admission_of(self._view, request.meeting, seen=request.seen, approved_by=None))
            return
        for old in self._requests.values(now=now):
            if old.node == request.node:
                self._requests.leave(old.meeting.exchange)
        self._requests.enter(request.meeting.exchange, request, request.source, now=now)

    def _check_denied(self, name: str, now: float) -> None:
        until = min(self._denied.get(name, now), now + DENIED_S)
        if until > now:
            raise RequestDenied(retry_after_s=until - now)
        self._denied.pop(name, None)


def newcomer_commitment(greeting: Greeting, nonce: bytes) -> bytes:
    """What a newcomer sends before its nonce."""
    return digest("newcomer commitment", *greeting.parts(), nonce)


def host_commitment(exchange: str, host_der: bytes, nonce: bytes) -> bytes:
    """What a host sends before its nonce."""
    return digest("host commitment", exchange.encode(), host_der, nonce)


def code_of(seen: bytes) -> str:
    """The six digits that both screens show."""
    return digits(digest("code", seen))
