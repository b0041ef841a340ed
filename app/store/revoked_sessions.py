"""Sessions that were ended before their time, on whatever machine: all of them in memory.

A machine forgets them after 40 days (`peers.replication`), when the sessions are over for long.
"""

import time
from collections.abc import Callable

from corral.app.gateway.principal import Session
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.errors import OnlyGrows
from corral.peers.replication.ledger import Ledger


class RevokedSessions:
    """`load` it before use."""

    def __init__(self, ledger: Ledger, *, now: Callable[[], float] = time.time) -> None:
        self._table = ReplicatedTable(ledger, "recent_revoked_sessions")
        self._here: set[str] = set()  # ended on this machine since it started
        self._now = now

    def __contains__(self, id: str) -> bool:
        return id in self._table.rows or id in self._here

    async def load(self) -> None:
        """Read all into memory."""
        await self._table.load()

    async def add(self, session: Session) -> None:
        """End a session at once, everywhere; also when the disk is full, then here until this node stops."""
        self._here.add(session.id)
        try:
            await self._table.write(session.id, {"revoked_at": self._now()})
        except OnlyGrows:  # another machine did it before, by a clock that is ahead of ours
            return
        self._here.discard(session.id)
