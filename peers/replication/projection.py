"""Ordinary rows from cells: what the rest of the program reads. Pure, and the same on every machine with the same cells.

A row shows once its required columns are there and not after its deletion. A value of the wrong type is left out and told as a
fault. Of rows with the same name the one that took it first keeps it; the others get `name-2`, `name-3`, … and say so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, groupby

import msgspec

from corral.peers.replication.cell import DELETED, Cell, size
from corral.peers.replication.clock import Stamp
from corral.peers.replication.schema import Table
from corral.peers.replication.value import is_of_kind


@dataclass(frozen=True, slots=True)
class Row:
    """A row. `renamed_from` is the name that another row had first; the row was renamed until someone gives it another one."""

    id: str
    values: Mapping[str, object]
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that this version can't read."""

    cell: Cell
    reason: str


@dataclass(frozen=True, slots=True)
class Projection:
    """A table's rows in the order of their ids, and what couldn't be read."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _Draft:
    id: str
    values: dict[str, object]
    stamps: dict[str, Stamp] = field(default_factory=dict)
    deleted: bool = False


def project(table: Table, cells: Iterable[Cell]) -> Projection:
    """The rows of a table from its cells, which come in the order of ids."""
    faults: list[Fault] = []
    drafts = [_draft(table, id, group, faults) for id, group in groupby(cells, key=lambda cell: cell.id)]
    shown = [draft for draft in drafts if not draft.deleted and _complete(table, draft)]
    unique = table.unique_column
    rows = [Row(draft.id, draft.values) for draft in shown] if unique is None else _named(shown, unique.name)
    return Projection(tuple(rows), tuple(faults))


def _draft(table: Table, id: str, cells: Iterable[Cell], faults: list[Fault]) -> _Draft:
    draft = _Draft(id, dict.fromkeys((column.name for column in table.columns), None))
    for cell in cells:
        if cell.column == DELETED:
            draft.deleted = size(cell.value) > 0
            continue
        column = table.column(cell.column)
        if column is None:  # of a later version
            continue
        value = msgspec.json.decode(cell.value)
        if value is None and not column.required:
            continue
        if is_of_kind(value, column.kind):
            draft.values[column.name] = bytes.fromhex(value) if column.kind == "hex" else value
            draft.stamps[column.name] = cell.stamp
        else:
            faults.append(Fault(cell, f"not of the kind {column.kind}"))
    return draft


def _complete(table: Table, draft: _Draft) -> bool:
    return all(column.name in draft.stamps for column in table.columns if column.required)


def _named(drafts: Sequence[_Draft], column: str) -> Iterator[Row]:
    """Rows in the order of ids, each with a name of its own."""
    names: dict[str, str] = {}  # id → a new name
    taken: set[str] = set()
    late: list[_Draft] = []
    for draft in sorted(drafts, key=lambda each: (each.stamps[column], each.id)):
        name = str(draft.values[column]).casefold()
        if name in taken:
            late.append(draft)
        taken.add(name)
    for draft in late:
        names[draft.id] = _free_name(str(draft.values[column]), taken)
        taken.add(names[draft.id].casefold())
    for draft in drafts:
        row = Row(draft.id, draft.values)
        yield row if draft.id not in names else _renamed(row, column, names[draft.id])


def _free_name(name: str, taken: set[str]) -> str:
    return next(each for each in (f"{name}-{n}" for n in count(2)) if each.casefold() not in taken)


def _renamed(row: Row, column: str, name: str) -> Row:
    return replace(row, values={**row.values, column: name}, renamed_from=str(row.values[column]))
