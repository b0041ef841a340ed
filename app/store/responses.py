"""Answers of `/v1/responses`, kept for a while."""

from collections.abc import Callable

import structlog

from corral.app.openai.responses.store import StoredResponse
from corral.app.store.database import Database, Statement, Value
from corral.app.store.errors import DiskFull
from corral.app.store.history_log import NEXT, take
from corral.app.store.numbered_rows import insert_statements

COLUMNS = "id, created_at, api_key_id, document, input_items, expires_at"
DELETE = (  # what stays of it tells other machines
    f"UPDATE responses SET document = x'', input_items = x'', deleted = 1, number = {NEXT} WHERE id = ? AND NOT deleted"
)
UPSERT_COPY = (  # of another machine's; a deletion is for ever
    "INSERT INTO responses (id, created_at, api_key_id, expires_at, deleted, document, input_items, number)"
    f" VALUES (?, ?, ?, ?, ?, ?, ?, {NEXT}) ON CONFLICT DO UPDATE SET document = x'', input_items = x'', deleted = 1,"
    " number = excluded.number WHERE excluded.deleted AND NOT deleted"
)
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
            row: list[Value] = [
                response.id,
                response.created_at,
                response.api_key_id,
                response.document,
                response.input_items,
                expires_at,
            ]
            await self._database.write([*insert_statements("responses", COLUMNS, row), take(1)])
        except DiskFull:
            _LOG.error("response not kept: the disk is full or can't be written", id=response.id)

    async def get(self, id: str) -> StoredResponse | None:
        """The response, unless it has expired or never was."""
        rows = await self._database.read(
            "SELECT * FROM responses WHERE id = ? AND expires_at > ? AND NOT deleted", (id, self._clock())
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
        """Forget a response, on machines that have a copy too; False if there was none."""
        deletion = Statement(DELETE, [(1, id)])
        return (await self._database.write([deletion, take(1)]))[0] > 0

    async def purge(self) -> int:
        """Forget every expired response; how many."""
        return await self._database.execute("DELETE FROM responses WHERE expires_at <= ?", (self._clock(),))
