"""Sessions that were ended before their time: a table, and all of them in memory."""

from corral.app.gateway.principal import Session
from corral.app.store.database import Database


class RevokedSessions:
    """`load` it before use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: set[str] = set()

    def __contains__(self, id: str) -> bool:
        return id in self._ids

    async def load(self) -> None:
        """Read all into memory."""
        self._ids = {row["id"] for row in await self._database.rows("SELECT id FROM revoked_sessions")}

    async def add(self, session: Session) -> None:
        """End a session at once; also when the disk is full, then until this node stops."""
        self._ids.add(session.id)
        await self._database.execute(
            "INSERT OR IGNORE INTO revoked_sessions (id, expires_at) VALUES (?, ?)",
            (session.id, session.expires_at),
        )

    async def purge(self, *, now: float) -> int:
        """Forget those whose time is over anyway; how many."""
        rows = await self._database.rows(
            "DELETE FROM revoked_sessions WHERE expires_at <= ? RETURNING id", (now,)
        )
        self._ids -= {row["id"] for row in rows}
        return len(rows)
