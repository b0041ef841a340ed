"""Rows from cells."""

import itertools
from collections.abc import Iterable

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication.cell import DELETED, Cell
from corral.peers.replication.clock import Stamp, stamp_of
from corral.peers.replication.projection import Fault, Row, project
from corral.peers.replication.schema import TABLES, Column, Table

ALIASES = Table(
    "aliases",
    (
        Column(name="name", kind="text", required=True, unique=True),
        Column(name="target", kind="text", required=True),
        Column(name="created_at", kind="number", required=True),
    ),
)


def stamp(ms: int) -> Stamp:
    return stamp_of(ms, 0, NodeId("a"))


def alias(id: str, name: str, *, named_at: int, deleted: bool = False) -> list[Cell]:
    values = {"name": f'"{name}"', "target": '"m"', "created_at": "1"} | (
        {DELETED: "true"} if deleted else {}
    )
    return [Cell("aliases", id, column, value, stamp(named_at)) for column, value in values.items()]


def names(cells: Iterable[Cell]) -> dict[str, tuple[object, str | None]]:
    rows = project(ALIASES, sorted(cells, key=lambda cell: cell.key)).rows
    return {row.id: (row.values["name"], row.renamed_from) for row in rows}


def test_a_row_has_every_column() -> None:
    table = Table(
        "t",
        (
            Column(name="text", kind="text", required=True),
            Column(name="count", kind="integer"),
            Column(name="secret", kind="hex"),
            Column(name="anything", kind="json"),
        ),
    )
    cells = [
        Cell("t", "1", "anything", '{"a": [1]}', stamp(1)),
        Cell("t", "1", "of_a_later_version", "5", stamp(1)),
        Cell("t", "1", "secret", '"00ff"', stamp(1)),
        Cell("t", "1", "text", '"x"', stamp(1)),
    ]
    values = {"text": "x", "count": None, "secret": b"\x00\xff", "anything": {"a": [1]}}
    assert project(table, cells) == type(project(table, []))((Row("1", values),), ())


def test_a_row_shows_once_its_required_columns_are_there() -> None:
    cells = alias("a1", "fast", named_at=1)
    assert names(cells) == {"a1": ("fast", None)}
    for missing in range(len(cells)):
        assert names(cells[:missing] + cells[missing + 1 :]) == {}


def test_a_deleted_row_is_gone() -> None:
    assert names(alias("a1", "fast", named_at=1, deleted=True)) == {}


@pytest.mark.parametrize("value", ["5", "null", "[]"])
def test_a_value_of_the_wrong_type_is_a_fault(value: str) -> None:
    wrong = Cell("aliases", "a1", "target", value, stamp(1))
    rest = [cell for cell in alias("a1", "fast", named_at=1) if cell.column != "target"]
    projection = project(ALIASES, [*rest, wrong])
    assert projection.rows == ()
    assert projection.faults == (Fault(wrong, "not of the kind text"),)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((("a1", "fast", 1), ("a2", "quick", 1)), {"a1": ("fast", None), "a2": ("quick", None)}),
        ((("a1", "fast", 2), ("a2", "fast", 1)), {"a1": ("fast-2", "fast"), "a2": ("fast", None)}),
        ((("a1", "Fast", 2), ("a2", "fAST", 1)), {"a1": ("Fast-2", "Fast"), "a2": ("fAST", None)}),
        ((("a1", "fast", 1), ("a2", "fast", 1)), {"a1": ("fast", None), "a2": ("fast-2", "fast")}),
        (
            (("a1", "fast", 1), ("a2", "fast", 2), ("a3", "fast", 3), ("a4", "fast-2", 9)),
            {
                "a1": ("fast", None),
                "a2": ("fast-3", "fast"),  # fast-2 is someone's
                "a3": ("fast-4", "fast"),
                "a4": ("fast-2", None),
            },
        ),
    ],
)
def test_the_first_to_take_a_name_keeps_it(
    cells: tuple[tuple[str, str, int], ...], expected: dict[str, tuple[str, str | None]]
) -> None:
    made = [alias(id, name, named_at=at) for id, name, at in cells]
    for order in itertools.permutations(made):
        assert names(itertools.chain(*order)) == expected


def test_a_name_is_free_again_after_its_row_is_deleted() -> None:
    first = alias("a1", "fast", named_at=1, deleted=True)
    assert names([*first, *alias("a2", "fast", named_at=2)]) == {"a2": ("fast", None)}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_tables_are_well_formed(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert sum(column.unique for column in table.columns) <= 1
    assert all(column.required and column.kind == "text" for column in table.columns if column.unique)
    assert all(column.kind in ("integer", "number") for column in table.columns if column.set_once)
