"""Invite tokens: one line that lets so many machines in without a click, and the row that the cluster keeps of it.

What is stored. From the token's random 128-bit secret comes an Ed25519 key pair. The cluster keeps the public key (the column
`digest`), the newcomer signs what both saw with the private one. So whoever steals the table can't join with what is in it, and the
secret itself never travels, not even to a cluster that only claims to be the right one. A hash of the secret as the key of an HMAC
would not do: it would be as good as the token.

How the host proves itself. Any member may be router by then, also one that joined after the token was made, so a fingerprint in the
token can't be the condition. The public key never travels either and only members have it: the host proves with it as the key of an
HMAC that it belongs to the cluster which made the token. As with every augmented password exchange, a thief of the table could pose as
the cluster towards machines that hold a token which is still good; he can't become a member. For those who want to know, the token
also names the member that made it, and the newcomer says whether that one answered (`Joined.vouched`), which no thief can fake.

The row's id is a hash of the public key: it says which token is meant and lets nobody guess the key.
"""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from corral.peers.address import Address, BadAddress
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing.errors import BadToken, TokenExpired, TokenRevoked, TokenUsedUp
from corral.peers.pairing.transcript import Random, digest, keyed
from corral.peers.replication.projection import Row

PREFIX: Final = "corral-"
MOST_USES: Final = 1000
MOST_HOURS: Final = 24 * 30
MOST_HINTS: Final = 8

_FORMAT: Final = 1
_SECRET_BYTES: Final = 16
_CLUSTER_BYTES: Final = 16
_NODE_BYTES: Final = 32
_CHECK_BYTES: Final = 4
_MOST_CHARACTERS: Final = 4096
_FIXED_BYTES: Final = 1 + _CLUSTER_BYTES + _SECRET_BYTES + _NODE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What stands in a token: a secret, so nothing prints it but `text`."""

    cluster: ClusterId
    maker: NodeId  # the member that made it
    secret: bytes = field(repr=False)
    hints: tuple[Address, ...] = ()  # front doors to try

    @property
    def text(self) -> str:
        """The line to copy; letters and digits whose case doesn't matter, with a checksum."""
        hints = "\n".join(str(each) for each in self.hints).encode()
        body = bytes([_FORMAT]) + bytes.fromhex(self.cluster) + self.secret + _node_bytes(self.maker) + hints
        return PREFIX + base64.b32encode(body + _check(body)).decode().rstrip("=").lower()

    @classmethod
    def parse(cls, text: str) -> "Token":
        """Read a line as it was copied, line breaks and all. Raises BadToken."""
        letters = "".join(text.split()).lower()
        if not letters.startswith(PREFIX) or len(letters) > _MOST_CHARACTERS:
            raise BadToken
        packed = letters.removeprefix(PREFIX).upper()
        try:
            whole = base64.b32decode(packed + "=" * (-len(packed) % 8))
        except binascii.Error as error:
            raise BadToken from error
        body, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
        if len(body) < _FIXED_BYTES or _check(body) != check:
            raise BadToken
        if body[0] != _FORMAT:
            raise BadToken("it was made by a later version of Corral; update this machine")
        return cls._unpacked(body)

    @classmethod
    def _unpacked(cls, body: bytes) -> "Token":
        cluster, secret = body[1:17], body[17:33]
        maker = base64.b32encode(body[33:_FIXED_BYTES]).decode().rstrip("=")
        lines = body[_FIXED_BYTES:].decode(errors="replace").splitlines()
        try:
            hints = tuple(Address.parse(each, default_port=0) for each in lines[:MOST_HINTS])
        except BadAddress as error:
            raise BadToken from error
        return cls(cluster=ClusterId(cluster.hex()), maker=NodeId(maker), secret=secret, hints=hints)

    @property
    def verifier(self) -> bytes:
        """The public key, 32 bytes: what the cluster keeps."""
        return self._key().public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        """The id of its row."""
        return token_id(self.verifier)

    def sign(self, seen: bytes) -> bytes:
        """Prove that the newcomer has the token: 64 bytes."""
        return self._key().sign(digest("newcomer has the token", seen))

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(
            digest("token key", self.secret, bytes.fromhex(self.cluster))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """What the cluster keeps of a token, in `join_tokens`. Times are Unix time in seconds."""

    id: str
    verifier: bytes = field(repr=False)
    uses: int
    created_at: float
    expires_at: float
    created_by: str | None = None
    revoked_at: float | None = None

    def columns(self) -> Mapping[str, str | float]:
        """The values of a new row."""
        columns: dict[str, str | float] = {
            "digest": self.verifier.hex(),
            "uses": self.uses,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        }
        return columns if self.created_by is None else {**columns, "created_by": self.created_by}


def new_token(
    *,
    cluster: ClusterId,
    maker: NodeId,
    hints: Sequence[Address],
    uses: int,
    hours: float,
    by: str | None,
    now: float,
    random: Random,
) -> tuple[Token, TokenRow]:
    """A token to print once, and the row to store. Raises ValueError for uses or hours out of bounds."""
    if not 1 <= uses <= MOST_USES:
        raise ValueError(f"A token lets in 1 to {MOST_USES} machines.")
    if not 0 < hours <= MOST_HOURS:
        raise ValueError(f"A token is good for up to {MOST_HOURS} hours.")
    token = Token(cluster=cluster, maker=maker, secret=random(_SECRET_BYTES), hints=tuple(hints)[:MOST_HINTS])
    row = TokenRow(
        id=token.id,
        verifier=token.verifier,
        uses=uses,
        created_at=now,
        expires_at=now + hours * 3600,
        created_by=by,
    )
    return token, row


def token_row(row: Row) -> TokenRow | None:
    """A row of `join_tokens`; None if it makes no sense."""
    values = row.values
    verifier, uses = values["digest"], values["uses"]
    created_at, expires_at = values["created_at"], values["expires_at"]
    if not (isinstance(verifier, bytes) and token_id(verifier) == row.id and isinstance(uses, int)):
        return None
    if not (isinstance(created_at, int | float) and isinstance(expires_at, int | float)):
        return None
    by, revoked_at = values.get("created_by"), values.get("revoked_at")
    return TokenRow(
        id=row.id,
        verifier=verifier,
        uses=uses,
        created_at=float(created_at),
        expires_at=float(expires_at),
        created_by=by if isinstance(by, str) else None,
        revoked_at=float(revoked_at) if isinstance(revoked_at, int | float) else None,
    )


def uses_left(row: TokenRow, admitted: Collection[NodeId]) -> int:
    """How many more machines a token lets in; removed ones stay counted."""
    return max(0, row.uses - len(set(admitted)))


def check_token(row: TokenRow, admitted: Collection[NodeId], *, now: float) -> None:
    """That one more machine may come. Raises TokenRevoked, TokenExpired, TokenUsedUp."""
    if row.revoked_at is not None:
        raise TokenRevoked
    if now >= row.expires_at:
        raise TokenExpired
    if uses_left(row, admitted) <= 0:
        raise TokenUsedUp


def token_id(verifier: bytes) -> str:
    """The id of the row with this public key: 32 hex digits."""
    return digest("token id", verifier)[:16].hex()


def is_signed(verifier: bytes, seen: bytes, signature: bytes) -> bool:
    """Whether `Token.sign` made it."""
    try:
        key = Ed25519PublicKey.from_public_bytes(verifier)
        key.verify(signature, digest("newcomer has the token", seen))
    except (InvalidSignature, ValueError):
        return False
    return True


def offer_proof(verifier: bytes, seen: bytes) -> bytes:
    """That the host belongs to the token's cluster, before the newcomer proves anything."""
    return keyed(verifier, "host offers", seen)


def host_proof(verifier: bytes, seen: bytes) -> bytes:
    """That the host admitted it."""
    return keyed(verifier, "host admits", seen)


def _node_bytes(node: NodeId) -> bytes:
    return base64.b32decode(node + "=" * (-len(node) % 8))


def _check(body: bytes) -> bytes:
    return digest("token checksum", body)[:_CHECK_BYTES]
