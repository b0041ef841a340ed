"""The index that the history is searched by: words of new texts wait until there is time for them."""

from collections.abc import Sequence

from corral.app.store.database import Database, Statement

STEP = 250  # texts of one transaction, so that records don't wait long
_NEXT = "SELECT number FROM search_waiting WHERE number <= ? ORDER BY number LIMIT ?"
_INSERT = (
    "INSERT INTO request_search (rowid, searched)"
    f" SELECT number, searched FROM request_texts WHERE number IN ({_NEXT})"
)
_DELETE = f"DELETE FROM search_waiting WHERE number IN ({_NEXT})"
_ALL = 2**63 - 1


class SearchIndex:
    """Of the history in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def step(self, *, last: int = _ALL) -> int:
        """Take in the next texts that wait, of those up to number `last`; how many there were. Raises DiskFull."""
        _, taken = await self._database.write(statements(last))
        return taken

    async def catch_up(self) -> None:
        """Take in all that waits now. Raises DiskFull."""
        rows = await self._database.read("SELECT max(number) AS last FROM search_waiting")
        last = rows[0]["last"]
        while last is not None and await self.step(last=last) == STEP:
            pass


def statements(last: int = _ALL) -> Sequence[Statement]:
    """Of one step; in one transaction."""
    return [Statement(_INSERT, [(last, STEP)]), Statement(_DELETE, [(last, STEP)])]
