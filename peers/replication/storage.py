"""Where a replica keeps its cells: what it needs of a storage.

Every stored version of a cell gets the next number of the storage's log. A cursor names a log and a number: everything up to
there is known. A log that may have lost its end (a crash, an old copy put back) gets a new name, so that no cursor lies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from corral.peers.ids import NodeId
from corral.peers.replication.cell import Cell, CellKey
from corral.peers.replication.clock import Stamp


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to `number` of the log named `log`."""

    log: Annotated[str, Meta(min_length=1, max_length=64)]
    number: Annotated[int, Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A stored cell and its number in the log."""

    number: int
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored together: all of it or nothing. `digests` are the new ones of the tables that change."""

    cells: Sequence[Cell] = ()
    forgotten: Sequence[CellKey] = ()
    digests: Mapping[str, int] = field(default_factory=dict)
    cursors: Mapping[NodeId, Cursor] = field(default_factory=dict)


class Storage(Protocol):
    """Keeps cells, digests and cursors. Blocks; to be used by one thread at a time."""

    @property
    def log(self) -> str:
        """Name of the log."""
        ...

    @property
    def last(self) -> int:
        """The highest number in the log, 0 if it is empty."""
        ...

    def get(self, key: CellKey) -> Cell | None:
        """The cell that stands there."""
        ...

    def put(self, batch: Batch) -> None:
        """Store a batch in one transaction; its cells get the next numbers, in order."""
        ...

    def since(self, number: int, *, limit: int, tables: Sequence[str] = ()) -> list[Numbered]:
        """The first `limit` cells above `number` in the order of their numbers; of all tables, or of these."""
        ...

    def table(self, table: str) -> Iterator[Cell]:
        """Every cell of a table, in the order of ids and columns."""
        ...

    def row(self, table: str, id: str) -> list[Cell]:
        """The cells of one row."""
        ...

    def digests(self) -> Mapping[str, int]:
        """The digest of each table that has cells."""
        ...

    def cursors(self) -> Mapping[NodeId, Cursor]:
        """How far each other member's log was read."""
        ...

    def newest(self, below: Stamp) -> Stamp | None:
        """The highest stamp below this one."""
        ...

    def stamped_from(self, stamp: Stamp) -> list[Cell]:
        """Every cell whose stamp is this one or higher."""
        ...

    def close(self) -> None:
        """End in good order: the log keeps its name."""
        ...
