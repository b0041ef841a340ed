"""Everything about people that the node keeps open."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corral.app.people.passwords import Passwords
from corral.app.people.sessions import Sessions, kept_secret
from corral.app.store.database import Database
from corral.app.store.invitations import Invitations
from corral.app.store.revoked_sessions import RevokedSessions
from corral.app.store.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users, their sessions, and how they come in."""

    users: Users
    passwords: Passwords
    sessions: Sessions
    revoked: RevokedSessions
    invitations: Invitations

    async def purge(self, *, now: float) -> None:
        """Forget sessions and invitations that are over."""
        await self.revoked.purge(now=now)
        await self.invitations.purge(now=now)


async def open_people(
    database: Database,
    *,
    secret: str | None,
    secret_file: Path,
    passwords: Passwords | None = None,
    now: Callable[[], float] = time.time,
) -> People:
    """Read users and sessions into memory. Without a `secret` the one in the file signs sessions."""
    if secret is None:
        secret = await asyncio.to_thread(kept_secret, secret_file)
    users, revoked = Users(database), RevokedSessions(database)
    await users.load()
    await revoked.load()
    return People(
        users=users,
        passwords=passwords or Passwords(),
        sessions=Sessions(secret=secret, users=users, revoked=revoked, now=now),
        revoked=revoked,
        invitations=Invitations(database),
    )
