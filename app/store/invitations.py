"""Invitations: codes that make one viewer each. Only their SHA-256 is kept."""

import sqlite3
from dataclasses import dataclass

from corral.app.gateway.auth import digest_of
from corral.app.ids import new_id
from corral.app.store.api_keys import random_letters
from corral.app.store.database import Database

PREFIX = "inv_"
LIFETIME_S = 72 * 3600.0
KEPT_S = 30 * 86_400.0  # used and expired ones stay listed so long
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
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, *, created_by: str | None, now: float) -> tuple[str, Invitation]:
        """A new code, which is kept nowhere, and its invitation."""
        code = PREFIX + random_letters()
        rows = await self._database.rows(
            "INSERT INTO invitations (id, digest, code_prefix, created_at, created_by, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
            (new_id(now), digest_of(code), code[:_SHOWN_CHARACTERS], now, created_by, now + LIFETIME_S),
        )
        return code, _invitation(rows[0])

    async def list(self) -> list[Invitation]:
        """All of them, oldest first."""
        return [
            _invitation(row) for row in await self._database.rows("SELECT * FROM invitations ORDER BY id")
        ]

    async def take(self, code: str, *, now: float) -> str | None:
        """Use a code up; the id of its invitation, or None if it isn't valid. Only one of many takers gets it."""
        rows = await self._database.rows(
            "UPDATE invitations SET used_at = ?"
            " WHERE digest = ? AND used_at IS NULL AND expires_at > ? RETURNING id",
            (now, digest_of(code), now),
        )
        return rows[0]["id"] if rows else None

    async def give_back(self, id: str) -> None:
        """The user could not be made: the code may be used again."""
        await self._database.execute(
            "UPDATE invitations SET used_at = NULL WHERE id = ? AND used_by IS NULL", (id,)
        )

    async def used_by(self, id: str, user_id: str) -> None:
        """Note whom it made."""
        await self._database.execute("UPDATE invitations SET used_by = ? WHERE id = ?", (user_id, id))

    async def remove(self, id: str) -> bool:
        """False: no such invitation."""
        return await self._database.execute("DELETE FROM invitations WHERE id = ?", (id,)) > 0

    async def purge(self, *, now: float) -> int:
        """Forget what is over for long; how many."""
        return await self._database.execute("DELETE FROM invitations WHERE expires_at < ?", (now - KEPT_S,))


def _invitation(row: sqlite3.Row) -> Invitation:
    return Invitation(
        id=row["id"],
        code_prefix=row["code_prefix"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        used_by=row["used_by"],
    )
