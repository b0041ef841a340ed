"""Answers of `/v1/responses`, kept for a while."""

from collections.abc import Callable

import structlog

from corral.app.openai.responses.store import StoredResponse
from corral.app.store.database import Database
from corral.app.store.errors import DiskFull

_LOG = structlog.get_logger(__name__)


class Responses:
    """The ResponseStore in the database."""

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        """`clock` gives Unix time in seconds."""
        self._database = database
        self._clock = clock

    async def put(self, response: StoredResponse, *, expires_at: float) -> None:
        """Keep a response until `expires_at`; if the disk is full it is answered, but not kept."""
        try:
            await self._database.execute(
                "INSERT OR REPLACE INTO responses (id, created_at, api_key_id, document, input_items, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    response.id,
                    response.created_at,
                    response.api_key_id,
                    response.document,
                    response.input_items,
                    expires_at,
                ),
            )
        except DiskFull:
            _LOG.error("response not kept: the disk is full or can't be written", id=response.id)

    async def get(self, id: str) -> StoredResponse | None:
        """The response, unless it has expired or never was."""
        rows = await self._database.read(
            "SELECT * FROM responses WHERE id = ? AND expires_at > ?", (id, self._clock())
        )
        if not rows:
            return None
        row = rows[0]
        return StoredResponse(
            id=row["id"],
            created_at=row["created_at"],
            api_key_id=row["api_key_id"],
            document=row["document"],
            input_items=row["input_items"],
        )

    async def delete(self, id: str) -> bool:
        """Forget a response; False if there was none."""
        return await self._database.execute("DELETE FROM responses WHERE id = ?", (id,)) > 0

    async def purge(self) -> int:
        """Forget every expired response; how many."""
        return await self._database.execute("DELETE FROM responses WHERE expires_at <= ?", (self._clock(),))
