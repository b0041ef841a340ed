"""Everything about people that the node keeps open."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from corral.app.people.one_time_tokens import OneTimeTokens
from corral.app.people.passwords import Passwords
from corral.app.people.session_secret import SessionSecret
from corral.app.people.sessions import Sessions
from corral.app.store.database import Database
from corral.app.store.invitations import Invitations
from corral.app.store.revoked_sessions import RevokedSessions
from corral.app.store.users import Users
from corral.peers.replication.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users, their sessions, and how they come in."""

    users: Users
    passwords: Passwords
    sessions: Sessions
    revoked: RevokedSessions
    invitations: Invitations
    one_time: OneTimeTokens


async def open_people(
    ledger: Ledger,
    database: Database,
    *,
    secret: SessionSecret,
    passwords: Passwords | None = None,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> People:
    """Read users, invitations and ended sessions into memory. Raises DiskFull."""
    await secret.load()
    users = Users(ledger, database, now=now)
    revoked = RevokedSessions(ledger, now=now)
    invitations = Invitations(ledger, now=now)
    for each in (users, revoked, invitations):
        await each.load()
    return People(
        users=users,
        passwords=passwords or Passwords(),
        sessions=Sessions(secret=secret, users=users, revoked=revoked, now=now),
        revoked=revoked,
        invitations=invitations,
        one_time=OneTimeTokens(clock=clock),
    )
