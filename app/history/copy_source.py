"""What other machines copy from here. It reads beside the writer, and never more than a page at a time."""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from corral.app.history import copy_wire as wire
from corral.app.store.database import Database
from corral.app.store.history_log import HistoryLog, Position

PAGE_ROWS = 200  # so that an event loop that has answers to pass on is never held for long
PART_BYTES = 2**20  # of bodies; the last one may go beyond
_AT_A_TIME = 16  # bodies of one query
_TABLES = ("requests", "usage", "audit", "responses")
_TEXTS = (
    "SELECT id, request_body, answer_body, searched FROM requests"
    " JOIN request_texts ON request_texts.number = requests.number WHERE id IN"
)
_CONTENTS = (
    f"SELECT id, document, input_items FROM responses WHERE length(document) <= {wire.MOST_CONTENT_BYTES}"
    f" AND length(input_items) <= {wire.MOST_CONTENT_BYTES} AND NOT deleted AND id IN"
)

_Row = TypeVar("_Row", wire.RequestRow, wire.UsageRow, wire.AuditRow, wire.ResponseRow)
_Body = TypeVar("_Body", wire.Text, wire.ResponseContent)


class CopySource:
    """Answers what others ask."""

    def __init__(
        self, database: Database, *, page_rows: int = PAGE_ROWS, part_bytes: int = PART_BYTES
    ) -> None:
        self._database = database
        self._log = HistoryLog(database)
        self._page_rows = page_rows
        self._part_bytes = part_bytes

    async def page(self, ask: wire.Ask) -> wire.Page:
        """What came after a position; everything if this log doesn't know the position."""
        after = await self._log.after(Position(ask.log, ask.number))
        end = (await self._log.end()).number
        upto = await self._upto(after, end)
        position = await self._log.at(upto)
        return wire.Page(
            log=position.log,
            number=position.number,
            more=upto < end,
            requests=await self._rows("requests", wire.RequestRow, after, upto),
            usage=await self._rows("usage", wire.UsageRow, after, upto),
            audit=await self._rows("audit", wire.AuditRow, after, upto),
            responses=await self._rows("responses", wire.ResponseRow, after, upto),
        )

    async def bodies(self, ask: wire.AskBodies) -> wire.Bodies:
        """As many as fit, at least one."""
        done, texts, left = await self._part(_TEXTS, ask.requests, wire.Text, self._part_bytes)
        if done < len(ask.requests) or (left <= 0 and done):
            return wire.Bodies(texts=texts, done=done)
        more, contents, _ = await self._part(_CONTENTS, ask.responses, wire.ResponseContent, left)
        return wire.Bodies(texts=texts, contents=contents, done=done + more)

    async def _upto(self, after: int, end: int) -> int:
        """The number at which a page ends; all rows of that number are in it, a thousand sums at most."""
        kinds = [
            f"SELECT * FROM (SELECT number FROM {table} WHERE number > ?1 AND number <= ?2"
            " ORDER BY number LIMIT ?3)"
            for table in _TABLES
        ]
        rows = await self._database.read(
            f"SELECT number FROM ({' UNION ALL '.join(kinds)}) ORDER BY number LIMIT 1 OFFSET ?3 - 1",
            (after, end, self._page_rows),
        )
        return int(rows[0]["number"]) if rows else max(after, end)

    async def _rows(self, table: str, kind: type[_Row], after: int, upto: int) -> tuple[_Row, ...]:
        columns = ", ".join(kind.__struct_fields__)
        rows = await self._database.read(
            f"SELECT {columns} FROM {table} WHERE number > ? AND number <= ? ORDER BY number",
            (after, upto),
        )
        return tuple(_row(kind, row) for row in rows)

    async def _part(
        self, sql: str, ids: Sequence[str], kind: type[_Body], most_bytes: int
    ) -> tuple[int, tuple[_Body, ...], int]:
        """How many ids were dealt with, what was found, and how many bytes are left."""
        found: list[_Body] = []
        for start in range(0, len(ids), _AT_A_TIME):
            some = ids[start : start + _AT_A_TIME]
            rows = await self._database.read(f"{sql} ({', '.join('?' * len(some))})", some)
            by_id = {row["id"]: row for row in rows}
            for place, id in enumerate(some, start=start + 1):
                if id in by_id:
                    found.append(kind(**dict(by_id[id])))
                    most_bytes -= sum(map(len, by_id[id]))
                if most_bytes <= 0:
                    return place, tuple(found), most_bytes
        return len(ids), tuple(found), most_bytes


def _row(kind: type[_Row], row: sqlite3.Row) -> _Row:
    values: dict[str, Any] = {name: _bounded(value) for name, value in dict(row).items()}
    if kind is wire.AuditRow:
        values["details"] = row["details"] if len(row["details"]) <= wire.MOST_DETAILS else "{}"
    return kind(**values)


def _bounded(value: object) -> object:
    return value[: wire.MOST_CHARACTERS] if isinstance(value, str) else value
