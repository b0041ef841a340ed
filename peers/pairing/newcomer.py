"""The side of the machine that joins: which message comes next, and what an answer means.

    while (letter := newcomer.next()) is not None:
        await sleep(letter.after_s)
        newcomer.take(await post(letter.path, letter.body))    # raises PairingError
    joined = newcomer.joined

A letter may be sent again if no answer came. An error ends the attempt: begin anew with a new newcomer, after its `retry_after_s`.
Nothing of a host is believed before the last answer; then `joined` holds its proven certificate.
"""

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from corral.peers.address import Address, BadAddress
from corral.peers.identity.certificate import Certificate, verify
from corral.peers.identity.errors import BadCertificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing import code_desk, token
from corral.peers.pairing.approval_desk import code_of, host_commitment, newcomer_commitment
from corral.peers.pairing.errors import MalformedMessage, MistypedCode, OtherCluster, TranscriptMismatch
from corral.peers.pairing.messages import (
    PATHS,
    VERSION,
    Admitted,
    Answer,
    Ask,
    BeginCode,
    BeginToken,
    ConfirmCode,
    Offer,
    Poll,
    ProveToken,
    Refused,
    Request,
    Reveal,
    Share,
    ShareCode,
    Waiting,
    decode_answer,
    encode,
    error_of,
    shown_name,
)
from corral.peers.pairing.pake import Pake
from corral.peers.pairing.token import Token
from corral.peers.pairing.transcript import (
    CODE_DIGITS,
    NONCE_BYTES,
    Greeting,
    Meeting,
    Random,
    host_claim,
    newcomer_claim,
    same,
)

ASK_AGAIN_S: Final = (
    30.0  # the least between two requests: each new code is one more guess for somebody in the middle
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to POST to a front door of the cluster, after so many seconds."""

    path: str
    body: bytes
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a newcomer knows once it was let in."""

    certificate: Certificate  # of the host
    cluster: ClusterId
    cluster_name: str
    addresses: tuple[Address, ...]  # where the host's peer port may be; TLS proves it
    vouched: bool = False  # the host is the member that made the token

    @property
    def host(self) -> NodeId:
        """The member to fetch everything else from."""
        return self.certificate.node


class Newcomer(ABC):
    """One attempt to join."""

    def __init__(self, way: str, identity: Identity, name: str, random: Random) -> None:
        self._identity = identity
        self._random = random
        self._greeting = Greeting(
            way=way, version=VERSION, newcomer=identity.certificate, name=shown_name(name)
        )
        self._meeting: Meeting | None = None
        self._letter: Letter | None = None
        self.joined: Joined | None = None

    def next(self) -> Letter | None:
        """The message to send now; None once it is over."""
        return self._letter

    def take(self, body: bytes) -> None:
        """Take the answer to the last letter. Raises PairingError, and then it is over."""
        self._letter = None
        answer = decode_answer(body)
        if isinstance(answer, Refused):
            raise error_of(answer)
        if self._meeting is not None and answer.exchange != self._meeting.exchange:
            raise TranscriptMismatch
        self._took(answer)

    @abstractmethod
    def _took(self, answer: Answer) -> None:
        """Go on after an answer."""

    def _send(self, message: Request, *, after_s: float = 0.0) -> None:
        self._letter = Letter(PATHS[type(message)], encode(message), after_s)

    def _meet(self, offer: Offer, from_newcomer: bytes) -> Meeting:
        try:
            host = Certificate.from_der(offer.certificate)
        except BadCertificate as error:
            raise MalformedMessage("the certificate can't be read") from error
        if host.node == self._identity.node:
            raise TranscriptMismatch
        self._meeting = Meeting(
            greeting=self._greeting,
            exchange=offer.exchange,
            host=host,
            cluster=ClusterId(offer.cluster),
            cluster_name=offer.cluster_name,
            from_newcomer=from_newcomer,
            from_host=offer.nonce,
        )
        return self._meeting

    def _sign(self, seen: bytes) -> bytes:
        return self._identity.sign(newcomer_claim(seen))

    def _join(self, meeting: Meeting, answer: Admitted, seen: bytes, *, vouched: bool = False) -> None:
        if not verify(meeting.host, host_claim(seen), answer.signature):
            raise TranscriptMismatch
        self.joined = Joined(
            certificate=meeting.host,
            cluster=meeting.cluster,
            cluster_name=meeting.cluster_name,
            addresses=_addresses(answer),
            vouched=vouched,
        )


class AskingNewcomer(Newcomer):
    """Asks for an approval. Show `code` as soon as there is one, and also after it was let in."""

    def __init__(self, *, identity: Identity, name: str, random: Random = secrets.token_bytes) -> None:
        super().__init__("ask", identity, name, random)
        self._nonce = random(NONCE_BYTES)
        self._commitment = newcomer_commitment(self._greeting, self._nonce)
        self._seen: bytes | None = None
        self._send(
            Ask(certificate=identity.certificate.der, name=self._greeting.name, commitment=self._commitment)
        )

    @property
    def code(self) -> str | None:
        """Six digits to compare with those in the cluster's list."""
        return None if self._seen is None else code_of(self._seen)

    def _took(self, answer: Answer) -> None:
        match answer, self._meeting, self._seen:
            case Offer(), None, None:
                meeting = self._meet(answer, self._commitment)
                signature = self._sign(meeting.seen(self._nonce))
                self._send(Reveal(exchange=meeting.exchange, nonce=self._nonce, signature=signature))
            case Waiting(), Meeting() as meeting, _:
                self._wait(meeting, answer)
            case Admitted(), Meeting() as meeting, bytes() as seen:
                self._join(meeting, answer, seen)
            case _:
                raise MalformedMessage("an answer to something else")

    def _wait(self, meeting: Meeting, answer: Waiting) -> None:
        if not same(host_commitment(meeting.exchange, meeting.host.der, answer.nonce), meeting.from_host):
            raise TranscriptMismatch
        self._seen = meeting.seen(self._nonce, answer.nonce)
        self._send(Poll(exchange=meeting.exchange), after_s=answer.poll_after_s)


class CodeNewcomer(Newcomer):
    """Joins by a code that a member shows. `take` may work for 10 ms: call it in a thread."""

    def __init__(
        self, *, identity: Identity, name: str, code: str, random: Random = secrets.token_bytes
    ) -> None:
        """Raises MistypedCode."""
        super().__init__("code", identity, name, random)
        self._code = "".join(code.split()).replace("-", "")
        if not (len(self._code) == CODE_DIGITS and self._code.isascii() and self._code.isdigit()):
            raise MistypedCode
        self._pake: Pake | None = None
        self._proven: tuple[bytes, bytes] | None = None  # key, seen
        self._send(BeginCode(certificate=identity.certificate.der, name=self._greeting.name))

    def _took(self, answer: Answer) -> None:
        match answer, self._meeting, self._pake, self._proven:
            case Offer(), None, None, None:
                meeting = self._meet(answer, b"")
                self._pake = Pake(meeting, self._code, host=False, random=self._random)
                self._send(ShareCode(exchange=meeting.exchange, share=self._pake.share))
            case Share(), Meeting() as meeting, Pake() as pake, None:
                self._confirm(meeting, pake, answer.share)
            case Admitted(), Meeting() as meeting, _, (key, seen):
                if not same(code_desk.host_proof(key, seen), answer.proof):
                    raise TranscriptMismatch
                self._join(meeting, answer, seen)
            case _:
                raise MalformedMessage("an answer to something else")

    def _confirm(self, meeting: Meeting, pake: Pake, share: bytes) -> None:
        key, seen = pake.key(share), meeting.seen(pake.share, share)
        self._proven = key, seen
        self._send(
            ConfirmCode(
                exchange=meeting.exchange,
                proof=code_desk.newcomer_proof(key, seen),
                signature=self._sign(seen),
            )
        )


class TokenNewcomer(Newcomer):
    """Joins with an invite token. Its `hints` are addresses to try beside those that discovery found."""

    def __init__(
        self, *, identity: Identity, name: str, token: Token, random: Random = secrets.token_bytes
    ) -> None:
        super().__init__("token", identity, name, random)
        self._token = token
        self._nonce = random(NONCE_BYTES)
        self._send(
            BeginToken(
                certificate=identity.certificate.der,
                name=self._greeting.name,
                token=token.id,
                nonce=self._nonce,
            )
        )

    def _took(self, answer: Answer) -> None:
        match answer, self._meeting:
            case Offer(), None:
                self._prove(self._meet(answer, bytes.fromhex(self._token.id) + self._nonce), answer.proof)
            case Admitted(), Meeting() as meeting:
                seen = meeting.seen()
                if not same(token.host_proof(self._token.verifier, seen), answer.proof):
                    raise TranscriptMismatch
                self._join(meeting, answer, seen, vouched=meeting.host.node == self._token.maker)
            case _:
                raise MalformedMessage("an answer to something else")

    def _prove(self, meeting: Meeting, proof: bytes) -> None:
        if meeting.cluster != self._token.cluster:
            raise OtherCluster
        seen = meeting.seen()
        if not same(token.offer_proof(self._token.verifier, seen), proof):
            raise TranscriptMismatch
        self._send(
            ProveToken(
                exchange=meeting.exchange,
                proof=self._token.sign(seen),
                signature=self._sign(seen),
            )
        )


def _addresses(answer: Admitted) -> tuple[Address, ...]:
    read: list[Address] = []
    for text in answer.addresses:
        try:
            read.append(Address.parse(text, default_port=0))
        except BadAddress:
            continue  # only a hint
    return tuple(read)
