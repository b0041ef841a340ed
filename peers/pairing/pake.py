"""SPAKE2 with a typed code (RFC 9382's construction on Ed25519, as the package `spake2` does it): both sides get one key, or two.

Whoever doesn't know the code learns nothing from the exchange but whether one guess was right. About 6 ms a side in pure Python, and
not in constant time: good for codes that live 60 s, so call it in a thread.
"""

from typing import Final

from corral.peers.pairing.errors import TranscriptMismatch
from corral.peers.pairing.transcript import Meeting, Random, digest

SHARE_BYTES: Final = 33


class Pake:
    """One side of one exchange; `share` goes to the other side."""

    def __init__(self, meeting: Meeting, code: str, *, host: bool, random: Random) -> None:
        import spake2  # type: ignore[import-untyped]  # 1 MB that only machines that pair need

        side = spake2.SPAKE2_B if host else spake2.SPAKE2_A
        self._side = side(
            code.encode(),
            idA=_identity("newcomer", meeting.greeting.newcomer.public_key_der, meeting),
            idB=_identity("host", meeting.host.public_key_der, meeting),
            entropy_f=random,
        )
        self.share: bytes = self._side.start()

    def key(self, share: bytes) -> bytes:
        """The key, 32 bytes: the other side's if both had the same code. Raises TranscriptMismatch; call it once."""
        from spake2 import SPAKEError
        from spake2.ed25519_basic import NotOnCurve  # type: ignore[import-untyped]

        try:
            key: bytes = self._side.finish(share)
        except (SPAKEError, NotOnCurve, ValueError) as error:
            raise TranscriptMismatch from error
        return key


def _identity(role: str, public_key_der: bytes, meeting: Meeting) -> bytes:
    return digest("spake2 identity", role.encode(), public_key_der, meeting.cluster.encode())
