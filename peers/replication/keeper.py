"""What happens in the ledger's thread: visits to the replica, and the news that each of them brings for the loop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from corral.peers.ids import NodeId
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.clock import Instant
from corral.peers.replication.courier import Letter
from corral.peers.replication.errors import LedgerError
from corral.peers.replication.ledger_file import LedgerFile
from corral.peers.replication.merge import Refusal
from corral.peers.replication.messages import Push, Summary, encode
from corral.peers.replication.receipt import Outcome
from corral.peers.replication.replica import Replica
from corral.peers.replication.schema import Table
from corral.peers.replication.view import TableUpdate

R = TypeVar("R")
RowKey = tuple[str, str]  # table, id
Act = Callable[[Replica, Instant], R]

_FEW = 50  # changed rows of a table that are read one by one
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a visit brought."""

    summary: Summary
    in_step: bool
    joined: bool
    changes: frozenset[RowKey]
    updates: tuple[TableUpdate, ...]  # of watched tables
    outcomes: tuple[Outcome, ...]
    letters: tuple[Letter, ...]
    refusals: tuple[tuple[NodeId, Refusal], ...]


class Keeper:
    """Owns the file and the replica. All of it blocks, and is for one thread."""

    def __init__(
        self,
        *,
        path: Path,
        node: NodeId,
        tables: Mapping[str, Table],
        timing: Timing,
        now: Callable[[], Instant],
    ) -> None:
        self._file = LedgerFile(path)
        self._node = node
        self._tables = tables
        self._timing = timing
        self._now = now
        self._replica: Replica | None = None
        self._live: frozenset[NodeId] = frozenset()
        self._watched: set[str] = set()
        self._to_read: set[str] = set()  # watched tables that are read as a whole next
        self._troubled = False

    def open(self, *, joined: bool) -> None:
        """Raises LedgerError. `joined`: if the file is made now, then to receive what a cluster has."""
        self._file.open(joined=joined)
        self._begin()

    def close(self) -> None:
        """End in good order."""
        self._replica = None
        try:
            self._file.close()
        except LedgerError as error:
            _LOG.warning("the ledger was not closed in good order", error=str(error))

    def start_anew(self, *, joined: bool) -> None:
        """Go on with an empty file; the old one is put aside. Raises LedgerError."""
        try:
            aside = self._file.start_anew(joined=joined)
            _LOG.info("replicated state begins anew", old=str(aside))
        finally:
            self._begin()
            self._to_read |= self._watched

    def watch(self, table: str) -> None:
        """Tell all rows of a table now, and later those that change."""
        self._watched.add(table)
        self._to_read.add(table)

    def set_live(self, live: frozenset[NodeId]) -> None:
        """Which other members answer now."""
        self._live = live
        self._opened.set_live(live)

    def forget(self, peer: NodeId) -> None:
        """It is no member any more."""
        self._live -= {peer}
        self._opened.forget(peer)

    def visit(self, act: Act[R]) -> R:
        """Do something with the replica. Raises what it raises, SQLite's errors as LedgerError."""
        with self._file.named_errors():
            return act(self._opened, self._now())

    def news(self, *, carrying: bool) -> News:
        """What happened since the last time; `carrying`: also what to send, which will be sent."""
        replica, now = self._opened, self._now()
        with self._file.named_errors():
            letters = self._letters(replica, now) if carrying else ()
            changes = replica.take_changes()
            return News(
                summary=replica.summary(now),
                in_step=replica.in_step,
                joined=self._file.joined,
                changes=changes,
                updates=self._updates(replica, changes),
                outcomes=replica.settled(now),
                letters=letters,
                refusals=replica.take_refusals(),
            )

    @property
    def _opened(self) -> Replica:
        assert self._replica is not None, "open it first"
        return self._replica

    def _begin(self) -> None:
        with self._file.named_errors():
            self._replica = Replica(
                node=self._node, storage=self._file.storage, tables=self._tables, timing=self._timing
            )
        self._replica.set_live(self._live)

    def _letters(self, replica: Replica, now: Instant) -> tuple[Letter, ...]:
        try:
            with self._file.named_errors():
                sends = replica.due(now)
        except LedgerError as error:  # a full disk; what was asked for is done all the same
            if not self._troubled:
                _LOG.error("replicated state can't be tidied", error=str(error))
            self._troubled = True
            return ()
        self._troubled = False
        return tuple(
            Letter(each.to, encode(each.request), question=not isinstance(each.request, Push))
            for each in sends
        )

    def _updates(self, replica: Replica, changes: frozenset[RowKey]) -> tuple[TableUpdate, ...]:
        ids: dict[str, list[str]] = {}
        for table, id in changes:
            if table in self._watched:
                ids.setdefault(table, []).append(id)
        whole = self._to_read | {table for table, some in ids.items() if self._is_many(table, some)}
        self._to_read = whole | ids.keys()  # if reading fails, all of it next time
        updates = tuple(
            self._whole(replica, table)
            if table in whole
            else TableUpdate(table=table, rows={id: replica.row(table, id) for id in ids[table]}, whole=False)
            for table in sorted(self._to_read)
        )
        self._to_read = set()
        return updates

    def _is_many(self, table: str, ids: list[str]) -> bool:
        return len(ids) > _FEW or self._tables[table].unique_column is not None

    def _whole(self, replica: Replica, table: str) -> TableUpdate:
        found = replica.rows(table)
        if found.faults:
            _LOG.warning("values that can't be read are left out", table=table, count=len(found.faults))
        return TableUpdate(table=table, rows={row.id: row for row in found.rows}, whole=True)
