"""Copies of other machines' history, put beside the own one: each row once, however often it comes."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import structs

from corral.app.history import copy_wire as wire
from corral.app.store import audit, history, responses
from corral.app.store.database import Database, Statement, Value
from corral.app.store.history_log import Position, take
from corral.app.store.numbered_rows import insert_statements
from corral.peers.ids import NodeId

AHEAD_S = 86_400.0  # rows of a later time than this from now are nonsense
_HOUR_S = 3600.0
_AT_A_TIME = 500  # rows of one query
_ONCE = "INSERT OR IGNORE"
_SET_CURSOR = "INSERT OR REPLACE INTO history_cursors (node, log, number) VALUES (?, ?, ?)"
_SUM_OF = ("hour", "model", "endpoint_id", "who_kind", "who_id", "address", "log")
_Row = TypeVar("_Row", wire.RequestRow, wire.AuditRow, wire.ResponseRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What this machine keeps of requests, and how long."""

    retention_s: float
    texts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What of a page isn't here yet; `texts` and `contents` by id, as far as they have come."""

    requests: Sequence[wire.RequestRow] = ()
    usage: Sequence[wire.UsageRow] = ()
    audit: Sequence[wire.AuditRow] = ()
    responses: Sequence[wire.ResponseRow] = ()
    deleted: Sequence[wire.ResponseRow] = ()
    texts: Mapping[str, wire.Text] = field(default_factory=dict)
    contents: Mapping[str, wire.ResponseContent] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether there is something."""
        return any((self.requests, self.usage, self.audit, self.responses, self.deleted))


class CopyStore:
    """For one task at a time."""

    def __init__(
        self, database: Database, keeping: Callable[[], Keeping], *, now: Callable[[], float] = time.time
    ) -> None:
        """`now` gives Unix time."""
        self._database = database
        self._keeping = keeping
        self._now = now

    @property
    def wants_texts(self) -> bool:
        """Whether what was said in requests is kept here."""
        return self._keeping().texts

    async def cursor(self, node: NodeId) -> Position:
        """How far another machine's log has been copied."""
        rows = await self._database.read("SELECT log, number FROM history_cursors WHERE node = ?", (node,))
        return Position(rows[0]["log"], rows[0]["number"]) if rows else Position("", 0)

    async def news(self, page: wire.Page) -> News:
        """What of a page isn't here and should be: nothing that is too old, so what was purged stays away."""
        now = self._now()
        latest = now + AHEAD_S
        oldest, oldest_entry = now - self._keeping().retention_s, now - audit.RETENTION_S
        oldest_hour = now - history.USAGE_RETENTION_S
        stored = [each for each in page.responses if each.expires_at > now and each.created_at <= latest]
        return News(
            requests=await self._unknown(
                "requests", [each for each in page.requests if oldest <= each.started_at <= latest]
            ),
            usage=await self._grown([each for each in page.usage if oldest_hour <= each.hour <= latest]),
            audit=await self._unknown(
                "audit", [each for each in page.audit if oldest_entry <= each.at <= latest]
            ),
            responses=await self._unknown("responses", [each for each in stored if not each.deleted]),
            deleted=await self._unknown(
                "responses", [each for each in stored if each.deleted], "AND deleted"
            ),
        )

    async def put(self, news: News, cursor: tuple[NodeId, Position] | None = None) -> None:
        """Keep it, with how far a machine has been copied then, as one transaction. Raises DiskFull."""
        requests, entries = _flat(news.requests), _flat(news.audit)
        texts = [news.texts[each.id] for each in news.requests if each.id in news.texts]
        numbers = itertools.count(len(news.requests) + len(news.audit) + 1)
        sums = [(*structs.astuple(each), next(numbers)) for each in news.usage]
        stored = [(*values, next(numbers)) for values in _stored(news)]
        statements = [
            *insert_statements(*history.REQUESTS, requests, verb=_ONCE),
            Statement(history.INSERT_COPIED_TEXT, [_text(each) for each in texts]),
            Statement(history.UPSERT_COPIED_USAGE, sums),
            *insert_statements("audit", audit.COLUMNS, entries, before=len(news.requests), verb=_ONCE),
            Statement(responses.UPSERT_COPY, stored),
        ]
        if count := next(numbers) - 1:
            statements.append(take(count))
        if cursor is not None:
            node, position = cursor
            statements.append(Statement(_SET_CURSOR, [(node, position.log, position.number)]))
        await self._database.write([each for each in statements if each.rows])

    async def _unknown(self, table: str, rows: Iterable[_Row], known: str = "") -> list[_Row]:
        """Those that are not here."""
        unknown = {each.id: each for each in rows}
        for some in _parts(list(unknown)):
            marks = ", ".join("?" * len(some))
            for row in await self._database.read(
                f"SELECT id FROM {table} WHERE id IN ({marks}) {known}", some
            ):
                del unknown[row["id"]]
        return list(unknown.values())

    async def _grown(self, sums: Sequence[wire.UsageRow]) -> list[wire.UsageRow]:
        """Those that are greater than here."""
        grown: list[wire.UsageRow] = []
        columns, marks = ", ".join(_SUM_OF), f"({', '.join('?' * len(_SUM_OF))})"
        for some in _parts(sums):
            wanted = f"VALUES {', '.join([marks] * len(some))}"
            rows = await self._database.read(
                f"SELECT {columns}, requests FROM usage WHERE ({columns}) IN ({wanted})",
                [value for each in some for value in _sum_of(each)],
            )
            here = {tuple(row)[:-1]: row["requests"] for row in rows}
            grown += [each for each in some if each.requests > here.get(_sum_of(each), 0)]
        return grown


_Any = TypeVar("_Any")


def _parts(rows: Sequence[_Any]) -> Iterator[Sequence[_Any]]:
    return (rows[start : start + _AT_A_TIME] for start in range(0, len(rows), _AT_A_TIME))


def _sum_of(row: wire.UsageRow) -> tuple[Value, ...]:
    return tuple(getattr(row, name) for name in _SUM_OF)


def _flat(rows: Iterable[wire.RequestRow | wire.AuditRow]) -> list[Value]:
    return [value for each in rows for value in structs.astuple(each)]


def _text(text: wire.Text) -> tuple[Value, ...]:
    return (text.request_body, text.answer_body, text.searched, text.id)


def _stored(news: News) -> Iterator[tuple[Value, ...]]:
    """Responses that have their contents, and deleted ones."""
    for each in news.responses:
        if content := news.contents.get(each.id):
            yield (*structs.astuple(each), content.document, content.input_items)
    for each in news.deleted:
        yield (*structs.astuple(each), b"", b"")
