"""Invitations: codes that make one viewer each. Only their SHA-256 is kept, on all machines.

A code that is used on both sides of a split network, before they meet again, makes two viewers.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from corral.app.gateway.auth import digest_of
from corral.app.ids import new_id
from corral.app.store.api_keys import random_letters
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import EditRefused, RowDeleted
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row

PREFIX = "inv_"
LIFETIME_S = 72 * 3600.0
KEPT_S = 30 * 86_400.0  # used and expired ones stay listed so long
_TABLE = "invitations"
_SHOWN_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Times are Unix time in seconds."""

    id: str
    code_prefix: str
    created_at: float
    created_by: str | None  # name of whoever made it
    expires_at: float
    used_at: float | None
    used_by: str | None  # id of the user that it made


class Invitations:
    """The book of invitations. `load` it before use."""

    def __init__(self, ledger: Ledger, *, now: Callable[[], float] = time.time) -> None:
        self._table = ReplicatedTable(ledger, _TABLE)
        self._turn = asyncio.Lock()  # a check and its write belong together
        self._now = now

    async def load(self) -> None:
        """Read all into memory."""
        await self._table.load()

    async def create(self, *, created_by: str | None, now: float) -> tuple[str, Invitation]:
        """A new code, which is kept nowhere, and its invitation."""
        code, id = PREFIX + random_letters(), new_id(now)
        await self._table.write(
            id,
            {
                "digest": digest_of(code).hex(),
                "code_prefix": code[:_SHOWN_CHARACTERS],
                "created_at": now,
                "created_by": created_by,
                "expires_at": now + LIFETIME_S,
            },
        )
        return code, _invitation(self._table.rows[id])

    async def list(self) -> list[Invitation]:
        """All of them, oldest first, but those that are over for a month."""
        since = self._now() - KEPT_S
        found = (_invitation(row) for row in self._table.in_order())
        return [each for each in found if each.expires_at >= since]

    async def take(self, code: str, *, now: float) -> str | None:
        """Use a code up; the id of its invitation, or None if it isn't valid. Only one of many takers gets it."""
        digest = digest_of(code)
        async with self._turn:
            row = next((row for row in self._table.rows.values() if row.values["digest"] == digest), None)
            if row is None:
                return None
            found = _invitation(row)
            if found.used_at or found.expires_at <= now:
                return None
            try:
                await self._table.write(row.id, {"used_at": now})
            except EditRefused:  # another machine was quicker to use or withdraw it
                return None
            return row.id

    async def give_back(self, id: str) -> None:
        """The user could not be made: the code may be used again, as another invitation, for what was used stays so."""
        row = self._table.rows.get(id)
        if row is None or row.values["used_by"] is not None:
            return
        unused = {
            name: value for name, value in row.values.items() if value is not None and name != "used_at"
        }
        unused["digest"] = _stored(row).digest.hex()
        try:
            await self._table.write_all(
                Edit.delete(_TABLE, id), Edit(_TABLE, new_id(_stored(row).created_at), unused)
            )
        except RowDeleted:  # somebody withdrew it meanwhile
            return

    async def used_by(self, id: str, user_id: str) -> None:
        """Note whom it made."""
        try:
            await self._table.write(id, {"used_by": user_id})
        except RowDeleted:  # somebody withdrew it meanwhile
            return

    async def remove(self, id: str) -> bool:
        """False: no such invitation."""
        if id not in self._table.rows:
            return False
        try:
            await self._table.delete(id)
        except RowDeleted:
            return False
        return True


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    digest: bytes
    code_prefix: str
    created_at: float
    created_by: str | None
    expires_at: float
    used_at: float | None
    used_by: str | None


def _stored(row: Row) -> _Stored:
    return msgspec.convert(row.values, _Stored)


def _invitation(row: Row) -> Invitation:
    stored = _stored(row)
    return Invitation(
        id=row.id,
        code_prefix=stored.code_prefix,
        created_at=stored.created_at,
        created_by=stored.created_by,
        expires_at=stored.expires_at,
        used_at=stored.used_at,
        used_by=stored.used_by,
    )
