"""Passwords: argon2id, in threads, a few at a time."""

import asyncio
import secrets
import string
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

P = ParamSpec("P")
R = TypeVar("R")

SHORTEST = 8
LONGEST = 1024
_AT_A_TIME = 2  # each takes 64 MiB of memory
_GENERATED = 20
_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


class Passwords:
    """Hashes and checks. `hasher` says how much work that is."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """What to keep of a password."""
        return await self._work(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; without a user (None) the same work is done for nothing."""
        if kept is None:
            self._nobody = self._nobody or await self.hash(secrets.token_urlsafe())
            await self._work(self._verified, self._nobody, password)
            return False
        return await self._work(self._verified, kept, password)

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with less work than is usual now."""
        return self._hasher.check_needs_rehash(kept)

    def _verified(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    async def _work(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        async with self._turns:
            return await asyncio.to_thread(function, *args, **kwargs)


def new_password() -> str:
    """A random one without characters that look alike."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED))
