"""What the three desks of a host share: who the host is, who stands before it, and what is written down when somebody is let in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate, verify
from corral.peers.identity.errors import BadCertificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing.errors import MalformedMessage, NodeRemoved, TranscriptMismatch
from corral.peers.pairing.messages import (
    MOST_ADDRESSES,
    Admitted,
    Ask,
    BeginCode,
    BeginToken,
    Offer,
    shown_name,
)
from corral.peers.pairing.roster import Roster
from corral.peers.pairing.transcript import Greeting, Meeting, Random, host_claim, newcomer_claim

_EXCHANGE_BYTES: Final = 16
_WAYS: Final = {Ask: "ask", BeginCode: "code", BeginToken: "token"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """The host as its desks see it. What can change is asked for anew each time."""

    identity: Identity
    cluster: ClusterId
    cluster_name: Callable[[], str]
    roster: Callable[[], Roster]
    addresses: Callable[[], Sequence[Address]]  # of its peer port
    random: Random

    def greeting(self, message: Ask | BeginCode | BeginToken) -> Greeting:
        """Who stands there. Raises MalformedMessage, NodeRemoved, or TranscriptMismatch if it is a mirror."""
        try:
            newcomer = Certificate.from_der(message.certificate)
        except BadCertificate as error:
            raise MalformedMessage("the certificate can't be read") from error
        if newcomer.node == self.identity.node:
            raise TranscriptMismatch
        if newcomer.node in self.roster().revoked:
            raise NodeRemoved
        return Greeting(
            way=_WAYS[type(message)], version=message.version, newcomer=newcomer, name=message.name
        )

    def meeting(self, greeting: Greeting, *, exchange: str, newcomer: bytes, host: bytes) -> Meeting:
        """The greeting and the answer to it."""
        return Meeting(
            greeting=greeting,
            exchange=exchange,
            host=self.identity.certificate,
            cluster=self.cluster,
            cluster_name=shown_name(self.cluster_name()),
            from_newcomer=newcomer,
            from_host=host,
        )

    def new_exchange(self) -> str:
        """An id that nobody can guess."""
        return self.random(_EXCHANGE_BYTES).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Let this machine in: store `columns()` as the row `node` of `members`, then `PairingHost.admitted` gives the answer.

    `known`: exactly this certificate is a member's already, so nothing needs to be stored.
    """

    way: str
    exchange: str
    node: NodeId
    name: str
    certificate: Certificate
    approved_by: str | None
    joined_with: str | None = None
    known: bool = False
    seen: bytes = field(repr=False)
    proof: bytes = field(default=b"", repr=False)

    def columns(self, *, now: float) -> Mapping[str, str | float]:
        """The row's values."""
        columns: dict[str, str | float] = {
            "name": self.name,
            "certificate": self.certificate.pem,
            "approved_at": now,
        }
        if self.approved_by is not None:
            columns["approved_by"] = self.approved_by
        if self.joined_with is not None:
            columns["joined_with"] = self.joined_with
        return columns


def offer_of(meeting: Meeting, proof: bytes = b"") -> Offer:
    """What the host tells of a meeting."""
    return Offer(
        exchange=meeting.exchange,
        certificate=meeting.host.der,
        cluster=meeting.cluster,
        cluster_name=meeting.cluster_name,
        nonce=meeting.from_host,
        proof=proof,
    )


def admission_of(
    view: HostView,
    meeting: Meeting,
    *,
    seen: bytes,
    approved_by: str | None,
    joined_with: str | None = None,
    proof: bytes = b"",
) -> Admission:
    """The admission of exactly the certificate that was greeted. Raises NodeRemoved if it was removed meanwhile."""
    newcomer = meeting.greeting.newcomer
    if newcomer.node in view.roster().revoked:
        raise NodeRemoved
    return Admission(
        way=meeting.greeting.way,
        exchange=meeting.exchange,
        node=newcomer.node,
        name=meeting.greeting.name,
        certificate=newcomer,
        approved_by=approved_by,
        joined_with=joined_with,
        known=view.roster().knows(newcomer),
        seen=seen,
        proof=proof,
    )


def admission_again(view: HostView, admission: Admission) -> Admission:
    """The same, for a newcomer that missed the answer. Raises NodeRemoved if it was removed meanwhile."""
    if admission.node in view.roster().revoked:
        raise NodeRemoved
    return replace(admission, known=view.roster().knows(admission.certificate))


def admitted(view: HostView, admission: Admission) -> Admitted:
    """The last answer, signed by the host."""
    return Admitted(
        exchange=admission.exchange,
        signature=view.identity.sign(host_claim(admission.seen)),
        proof=admission.proof,
        addresses=tuple(str(each) for each in view.addresses())[:MOST_ADDRESSES],
    )


def check_newcomer(meeting: Meeting, seen: bytes, signature: bytes) -> None:
    """That the newcomer has its certificate's key and saw the same. Raises TranscriptMismatch."""
    if not verify(meeting.greeting.newcomer, newcomer_claim(seen), signature):
        raise TranscriptMismatch
