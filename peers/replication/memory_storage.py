"""A storage in memory, for simulations: it can die and lose what wasn't synced, as a disk can."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from corral.peers.ids import NodeId
from corral.peers.replication.cell import Cell, CellKey
from corral.peers.replication.clock import Stamp
from corral.peers.replication.storage import Batch, Cursor, Numbered


class MemoryStorage:
    """Keeps batches in memory, and what follows from them."""

    def __init__(self, log: str, batches: Sequence[Batch] = ()) -> None:
        self.log = log
        self.last = 0
        self.batches: list[Batch] = []
        self._cells: dict[CellKey, Numbered] = {}
        self._order: list[tuple[int, CellKey]] = []  # with places of cells that moved on since
        self._digests: dict[str, int] = {}
        self._cursors: dict[NodeId, Cursor] = {}
        for batch in batches:
            self.put(batch)

    def reopened(self, log: str, *, lose: int = 0) -> Self:
        """The storage after a crash that lost the last `lose` batches; the log has a new name."""
        return type(self)(log, self.batches[: len(self.batches) - lose])

    def get(self, key: CellKey) -> Cell | None:
        """The cell that stands there."""
        found = self._cells.get(key)
        return None if found is None else found.cell

    def put(self, batch: Batch) -> None:
        """Store a batch; its cells get the next numbers."""
        for cell in batch.cells:
            self.last += 1
            self._cells[cell.key] = Numbered(self.last, cell)
            self._order.append((self.last, cell.key))
        for key in batch.forgotten:
            del self._cells[key]
        self._digests.update(batch.digests)
        self._cursors.update(batch.cursors)
        self.batches.append(batch)

    def since(self, number: int, *, limit: int, tables: Sequence[str] = ()) -> list[Numbered]:
        """The first `limit` cells above `number`."""
        found: list[Numbered] = []
        for at, key in self._order[bisect_right(self._order, number, key=lambda place: place[0]) :]:
            here = self._cells.get(key)
            if here is not None and here.number == at and (not tables or key.table in tables):
                found.append(here)
                if len(found) == limit:
                    break
        return found

    def table(self, table: str) -> Iterator[Cell]:
        """Every cell of a table, in the order of ids and columns."""
        return iter([self._cells[key].cell for key in sorted(self._cells) if key.table == table])

    def row(self, table: str, id: str) -> list[Cell]:
        """The cells of one row."""
        return [each.cell for key, each in self._cells.items() if key[:2] == (table, id)]

    def digests(self) -> Mapping[str, int]:
        """The digest of each table that has cells."""
        return self._digests

    def cursors(self) -> Mapping[NodeId, Cursor]:
        """How far each other member's log was read."""
        return self._cursors

    def newest(self, below: Stamp) -> Stamp | None:
        """The highest stamp below this one."""
        stamps = (each.cell.stamp for each in self._cells.values())
        return max((each for each in stamps if each < below), default=None)

    def stamped_from(self, stamp: Stamp) -> list[Cell]:
        """Every cell whose stamp is this one or higher."""
        return [each.cell for each in self._cells.values() if each.cell.stamp >= stamp]

    def close(self) -> None:
        """Nothing to do."""
