"""What both machines saw, as one hash. Whatever differs on the way makes other codes and breaks every proof and signature.

Every hash has a label of its own and its parts are prefixed with their lengths, so no two different inputs are the same bytes.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from corral.peers.identity.certificate import Certificate
from corral.peers.ids import ClusterId

Random = Callable[[int], bytes]  # so many random bytes; `secrets.token_bytes` save in tests

NONCE_BYTES: Final = 32
CODE_DIGITS: Final = 6
_LABEL = b"corral pairing "


def digest(label: str, *parts: bytes) -> bytes:
    """SHA-256 of a label and parts: 32 bytes."""
    hashed = hashlib.sha256()
    for part in (_LABEL + label.encode(), *parts):
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()


def keyed(key: bytes, label: str, *parts: bytes) -> bytes:
    """HMAC-SHA-256 of a label and parts: 32 bytes."""
    return hmac.digest(key, digest(label, *parts), "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Whether two proofs are equal, in a time that doesn't tell where they differ."""
    return hmac.compare_digest(left, right)


def digits(value: bytes) -> str:
    """Six digits from at least 8 uniformly random bytes."""
    return f"{int.from_bytes(value[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """Who the newcomer says it is, and the way that it wants to go: "ask", "code" or "token"."""

    way: str
    version: int
    newcomer: Certificate
    name: str

    def parts(self) -> tuple[bytes, ...]:
        """All of it, for a hash."""
        return self.way.encode(), str(self.version).encode(), self.newcomer.der, self.name.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The greeting and what the host answered: everything in the clear that both must have seen alike."""

    greeting: Greeting
    exchange: str
    host: Certificate
    cluster: ClusterId
    cluster_name: str
    from_newcomer: bytes  # its commitment, nonce or token's id
    from_host: bytes  # its commitment or nonce

    def seen(self, *later: bytes) -> bytes:
        """The hash of all of this and of what came later."""
        return digest(
            "transcript",
            *self.greeting.parts(),
            self.exchange.encode(),
            self.host.der,
            self.cluster.encode(),
            self.cluster_name.encode(),
            self.from_newcomer,
            self.from_host,
            *later,
        )


def newcomer_claim(seen: bytes) -> bytes:
    """What the newcomer signs with its own key: that it has this key, and saw this."""
    return _LABEL + b"newcomer " + seen


def host_claim(seen: bytes) -> bytes:
    """What the host signs with its own key: that it admitted exactly this newcomer."""
    return _LABEL + b"admitted " + seen
