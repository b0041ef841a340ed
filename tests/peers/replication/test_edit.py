"""What may be written here, and what it makes."""

from collections.abc import Mapping

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication.cell import DELETED, Cell
from corral.peers.replication.clock import stamp_of
from corral.peers.replication.edit import MOST_CELLS_AT_ONCE, Edit, cells_of
from corral.peers.replication.errors import EditRefused, OnlyGrows, RowDeleted, WrongEdit
from corral.peers.replication.schema import TABLES

BEFORE = stamp_of(1, 0, NodeId("a"))
STAMP = stamp_of(2, 0, NodeId("a"))
STORED = {
    cell.key: cell
    for cell in (
        Cell("users", "gone", DELETED, "true", BEFORE),
        Cell("users", "kept", DELETED, "false", BEFORE),
        Cell("api_keys", "k1", "revoked_at", "50", BEFORE),
        Cell("recent_usage", "row", "requests_total", "5", BEFORE),
    )
}


def made(table: str, id: str, values: Mapping[str, object]) -> list[tuple[str, str]]:
    cells = cells_of([Edit(table, id, values)], STAMP, tables=TABLES, stored=STORED.get)
    assert {(cell.table, cell.id, cell.stamp) for cell in cells} <= {(table, id, STAMP)}
    return [(cell.column, cell.value) for cell in cells]


def test_an_edit_makes_a_cell_for_each_value() -> None:
    assert made("users", "u1", {"username": "Zoë", "role": "admin", "created_at": 5}) == [
        ("username", '"Zoë"'),
        ("role", '"admin"'),
        ("created_at", "5"),
    ]
    assert made("api_keys", "k2", {"expires_at": None, "digest": "00ff"}) == [
        ("expires_at", "null"),
        ("digest", '"00ff"'),
    ]
    assert made("settings", "log_level", {"value": None}) == [("value", "null")]


def test_deleting_makes_a_tombstone() -> None:
    edit = Edit.delete("users", "kept")
    assert cells_of([edit], STAMP, tables=TABLES, stored=STORED.get) == [
        Cell("users", "kept", DELETED, "true", STAMP)
    ]


@pytest.mark.parametrize(
    ("table", "id", "values", "error", "said"),
    [
        ("passwords", "u1", {"a": 1}, WrongEdit, "no replicated table 'passwords'"),
        ("users", "u1", {"nickname": "x"}, WrongEdit, "no column 'nickname'"),
        ("users", "u1", {"role": 5}, WrongEdit, "kind text"),
        ("users", "u1", {"role": None}, WrongEdit, "kind text"),
        ("users", "u1", {"created_at": True}, WrongEdit, "kind number"),
        ("users", "u1", {"created_at": "5"}, WrongEdit, "kind number"),
        ("api_keys", "k", {"tokens_per_day": 1.5}, WrongEdit, "kind integer"),
        ("api_keys", "k", {"tokens_per_day": 2**63}, WrongEdit, "kind integer"),
        ("api_keys", "k", {"digest": "xy"}, WrongEdit, "kind hex"),
        ("api_keys", "k", {"digest": "00FF"}, WrongEdit, "kind hex"),
        ("api_keys", "k", {"digest": b"00"}, WrongEdit, "kind hex"),
        ("endpoints", "e", {"enabled": 1}, WrongEdit, "kind boolean"),
        ("users", "u\n1", {"role": "admin"}, WrongEdit, "id"),
        ("users", "u1", {"role": "x" * 70_000}, WrongEdit, "longer"),
        ("users", "u1", {DELETED: "yes"}, WrongEdit, "kind boolean"),
        ("users", "gone", {"role": "admin"}, RowDeleted, "new id"),
        ("users", "gone", {DELETED: True}, RowDeleted, "new id"),
        ("api_keys", "k1", {"revoked_at": None}, OnlyGrows, "'revoked_at' in api_keys"),
        ("api_keys", "k1", {"revoked_at": 49}, OnlyGrows, "'revoked_at' in api_keys"),
        ("api_keys", "k2", {"revoked_at": -1}, WrongEdit, "only grows"),
        ("recent_usage", "row", {"requests_total": 4}, OnlyGrows, "requests_total"),
    ],
)
def test_what_is_refused(
    table: str, id: str, values: Mapping[str, object], error: type[EditRefused], said: str
) -> None:
    with pytest.raises(error, match=said):
        made(table, id, values)


def test_values_that_may_grow() -> None:
    assert made("api_keys", "k1", {"revoked_at": 50}) == [("revoked_at", "50")]
    assert made("recent_usage", "row", {"requests_total": 6}) == [("requests_total", "6")]


def test_not_too_much_at_once() -> None:
    edits = [Edit("settings", f"s{n}", {"value": n}) for n in range(MOST_CELLS_AT_ONCE + 1)]
    assert len(cells_of(edits[1:], STAMP, tables=TABLES, stored=STORED.get)) == MOST_CELLS_AT_ONCE
    with pytest.raises(WrongEdit, match="in parts"):
        cells_of(edits, STAMP, tables=TABLES, stored=STORED.get)
