"""The index that the history is searched by: words of new texts wait until there is time for them."""

from collections.abc import Sequence

from corral.app.store.database import Database, Statement

STEP = 250  # texts of one transaction, so that records don't wait long
_MARK = "(SELECT last FROM search_mark)"
_NEXT = f"FROM request_texts WHERE number > {_MARK} AND number <= ? ORDER BY number LIMIT ?"
_NO_WORDS = (
    "'id', 'object', 'model', 'role', 'type', 'finish_reason', 'created', 'usage', 'system_fingerprint'"
)


def _words(column: str) -> str:
    """All texts in a JSON value that somebody may look for; what isn't JSON, or was cut, is looked through as it is."""
    texts = (
        f"SELECT group_concat(atom, ' ') FROM json_tree({column})"
        f" WHERE type = 'text' AND (key IS NULL OR key NOT IN ({_NO_WORDS}))"
    )
    return f"CASE WHEN json_valid({column}) THEN coalesce(({texts}), '') ELSE {column} END"


_FIND_WORDS = (
    f"UPDATE request_texts SET searched = {_words('request_body')} || ' ' || {_words('answer_body')}"
    f" WHERE searched = '' AND number IN (SELECT number {_NEXT})"
)
_INSERT = f"INSERT INTO request_search (rowid, searched) SELECT number, searched {_NEXT}"
_MOVE_MARK = (
    f"UPDATE search_mark SET last = coalesce((SELECT max(number) FROM (SELECT number {_NEXT})), last)"
)
_ALL = 2**63 - 1


class SearchIndex:
    """Of the history in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def step(self, *, last: int = _ALL) -> int:
        """Take in the next texts that wait, of those up to number `last`; how many there were. Raises DiskFull."""
        _, taken, _ = await self._database.write(statements(last))
        return taken

    async def catch_up(self) -> None:
        """Take in all that waits now. Raises DiskFull."""
        rows = await self._database.read(
            f"SELECT max(number) AS last FROM request_texts WHERE number > {_MARK}"
        )
        last = rows[0]["last"]
        while last is not None and await self.step(last=last) == STEP:
            pass


def statements(last: int = _ALL) -> Sequence[Statement]:
    """Of one step; in one transaction."""
    return [Statement(each, [(last, STEP)]) for each in (_FIND_WORDS, _INSERT, _MOVE_MARK)]
