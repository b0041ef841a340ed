"""The log of this machine's history: what is written gets the next number in the same transaction, so that others can copy what is new.

Requests, audit entries, sums of use and stored responses share the numbers. A position in the log is a number and the name of the
log at that number; each start of the program begins a log of its own. A machine that has copied up to a position asks for what came
after it. A database that was put back or replaced doesn't know the position any more, and says everything again.
"""

import secrets
import sqlite3
from dataclasses import dataclass

from corral.app.store.database import Database, Statement
from corral.peers.ids import ClusterId

_NAME_BYTES = 16
_NEWEST = "(SELECT max(first) FROM history_logs)"

LAST = f"(SELECT last FROM history_logs WHERE first = {_NEWEST})"  # until `take`, the same in a transaction
NEXT = f"{LAST} + ?"  # the value that counts from 1 in a transaction
LOG = f"(SELECT name FROM history_logs WHERE first = {_NEWEST})"


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a log. What has greater numbers comes after it."""

    log: str
    number: int


def take(count: int) -> Statement:
    """The last statement of a transaction that used `NEXT` for 1 to `count`."""
    return Statement(f"UPDATE history_logs SET last = last + ? WHERE first = {_NEWEST}", [(count,)])


async def begin_log(database: Database, cluster: ClusterId) -> None:
    """For each start, before anything is written. What was written in another cluster is not told in this one."""
    newest = await _newest(database)
    await database.write(
        [
            Statement("UPDATE history_logs SET cluster = ? WHERE cluster IS NULL", [(cluster,)]),
            Statement("DELETE FROM history_logs WHERE last < first"),  # nothing was written
            Statement(
                "INSERT INTO history_logs (first, name, last, cluster) VALUES (?, ?, ?, ?)",
                [(newest["last"] + 1, secrets.token_hex(_NAME_BYTES), newest["last"], cluster)],
            ),
        ]
    )


class HistoryLog:
    """Reads positions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def end(self) -> Position:
        """The newest."""
        rows = await self._database.read(
            "SELECT name, last FROM history_logs WHERE last >= first ORDER BY first DESC LIMIT 1"
        )
        return Position(rows[0]["name"], rows[0]["last"]) if rows else Position("", 0)

    async def at(self, number: int) -> Position:
        """The position of a number."""
        rows = await self._database.read(
            "SELECT name FROM history_logs WHERE first <= ? AND last >= ?", (number, number)
        )
        return Position(rows[0]["name"] if rows else "", number)

    async def after(self, position: Position) -> int:
        """The number after which there is news for whoever has copied up to a position."""
        rows = await self._database.read(
            "SELECT 1 FROM history_logs WHERE name = ? AND first <= ? AND last >= ?",
            (position.log, position.number, position.number),
        )
        return max(await self._before(), position.number if rows else 0)

    async def _before(self) -> int:
        """The last number that was given away before this machine came into its cluster."""
        sql = (
            "SELECT coalesce(max(last), 0) AS last FROM history_logs WHERE cluster IS NOT"
            f" (SELECT cluster FROM history_logs WHERE first = {_NEWEST})"
        )
        return int((await self._database.read(sql))[0]["last"])


async def _newest(database: Database) -> sqlite3.Row:
    return (await database.read("SELECT * FROM history_logs ORDER BY first DESC LIMIT 1"))[0]
