"""A write on this machine, and the cells that it makes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from corral.peers.replication.cell import DELETED, Cell, CellKey, flaw, size
from corral.peers.replication.clock import Stamp
from corral.peers.replication.errors import OnlyGrows, RowDeleted, WrongEdit
from corral.peers.replication.schema import Column, Table
from corral.peers.replication.value import is_of_kind

MOST_CELLS_AT_ONCE = 1000

Stored = Callable[[CellKey], Cell | None]


@dataclass(frozen=True, slots=True)
class Edit:
    """New values of some columns of one row, or its deletion. The row is made if there is none."""

    table: str
    id: str
    values: Mapping[str, object]

    @classmethod
    def delete(cls, table: str, id: str) -> "Edit":
        """The deletion of a row, for good."""
        return cls(table, id, {DELETED: True})


def cells_of(
    edits: Sequence[Edit], stamp: Stamp, *, tables: Mapping[str, Table], stored: Stored
) -> list[Cell]:
    """The cells of these edits. Raises EditRefused."""
    cells = [cell for edit in edits for cell in _cells_of(edit, stamp, tables, stored)]
    if len(cells) > MOST_CELLS_AT_ONCE:
        raise WrongEdit(
            f"{len(cells)} values at once are more than {MOST_CELLS_AT_ONCE}. Write them in parts."
        )
    return cells


def _cells_of(edit: Edit, stamp: Stamp, tables: Mapping[str, Table], stored: Stored) -> list[Cell]:
    table = tables.get(edit.table)
    if table is None:
        raise WrongEdit(f"There is no replicated table {edit.table!r}.")
    gone = stored(CellKey(edit.table, edit.id, DELETED))
    if gone is not None and size(gone.value):
        raise RowDeleted(edit.table, edit.id)
    cells = [_cell_of(table, edit.id, name, value, stamp) for name, value in edit.values.items()]
    for cell in cells:
        _check_growth(table, cell, stored(cell.key))
    return cells


def _cell_of(table: Table, id: str, name: str, value: object, stamp: Stamp) -> Cell:
    _check_kind(table, _column(table, name), value)
    cell = Cell(table.name, id, name, msgspec.json.encode(value).decode(), stamp)
    wrong = flaw(cell)
    if wrong is not None:
        raise WrongEdit(f"{name!r} in {table.name}: {wrong}.")
    return cell


def _column(table: Table, name: str) -> Column:
    column = Column(name=DELETED, kind="boolean", required=True) if name == DELETED else table.column(name)
    if column is None:
        raise WrongEdit(f"The replicated table {table.name!r} has no column {name!r}.")
    return column


def _check_kind(table: Table, column: Column, value: object) -> None:
    if value is None and not column.required:
        return
    if not is_of_kind(value, column.kind):
        raise WrongEdit(f"{column.name!r} in {table.name} must be of the kind {column.kind}.")


def _check_growth(table: Table, new: Cell, old: Cell | None) -> None:
    if old is None or new.column == DELETED:
        return
    column = table.column(new.column)
    if column is not None and column.set_once and size(new.value) < size(old.value):
        raise OnlyGrows(table.name, new.column)
