"""Tokens that sign somebody in once: who holds one was given it by this machine a moment ago."""

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable

LIFETIME_S = 30.0
MOST = 16  # of those that nobody has used yet; beyond it the oldest ends
_BYTES = 32


class OneTimeTokens:
    """The tokens of this run of the node. Only their SHA-256 is kept, for as long as they are good."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """`clock` only goes forward, in seconds."""
        self._clock = clock
        self._waiting: deque[tuple[bytes, float]] = deque(maxlen=MOST)  # digest, good until

    def mint(self) -> str:
        """A new one."""
        token = secrets.token_urlsafe(_BYTES)
        self._waiting.append((_digest(token), self._clock() + LIFETIME_S))
        return token

    def take(self, token: str) -> bool:
        """Whether it is good; then it is used up."""
        wanted, now = _digest(token), self._clock()
        good = None
        for each in self._waiting:  # all of them: how long it takes says nothing
            if hmac.compare_digest(each[0], wanted) and now < each[1]:
                good = each
        if good is not None:
            self._waiting.remove(good)
        return good is not None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
