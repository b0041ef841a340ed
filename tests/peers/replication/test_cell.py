"""Which version of a cell wins, and which cells nobody keeps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.peers.ids import NodeId
from corral.peers.replication.cell import KEPT_DAYS, MOST_VALUE_CHARACTERS, RULES, Cell, flaw, only_grows
from corral.peers.replication.clock import DAY_MS, HybridClock, Stamp, stamp_of
from corral.peers.replication.memory_storage import MemoryStorage
from corral.peers.replication.merge import FROM_THE_FUTURE, merge, sort_out

NOW_MS = 1_700_000_000_000


def stamp(ms: int, node: str = "a") -> Stamp:
    return stamp_of(ms, 0, NodeId(node))


def cell(column: str, value: str, at: Stamp, *, table: str = "api_keys", id: str = "k1") -> Cell:
    return Cell(table, id, column, value, at)


@pytest.mark.parametrize(
    ("column", "one", "other", "winner"),
    [
        ("name", ('"x"', stamp(1)), ('"a"', stamp(2)), '"a"'),
        ("name", ('"x"', stamp(1, "a")), ('"a"', stamp(1, "b")), '"a"'),
        (
            "name",
            ('"x"', stamp(1)),
            ('"a"', stamp(1)),
            '"x"',
        ),  # one stamp twice: a lie, but the same everywhere
        ("name", ('"x"', stamp(9)), ("null", stamp(10)), "null"),
        ("revoked_at", ("5", stamp(1)), ("null", stamp(2)), "5"),
        ("revoked_at", ("5", stamp(1)), ("0", stamp(2)), "5"),
        ("revoked_at", ("5", stamp(1)), ("4.5", stamp(2)), "5"),
        ("revoked_at", ("5", stamp(2)), ("6", stamp(1)), "6"),
        ("disabled_at", ("null", stamp(2)), ("1", stamp(1)), "1"),
        ("_deleted", ("true", stamp(1)), ("false", stamp(2)), "true"),
        ("sessions_valid_after", ("10", stamp(1)), ("9", stamp(2)), "10"),
        ("requests_total", ("10", stamp(1)), ("9", stamp(2)), "10"),
    ],
)
def test_who_wins(column: str, one: tuple[str, Stamp], other: tuple[str, Stamp], winner: str) -> None:
    first, second = cell(column, *one), cell(column, *other)
    assert RULES.wins(first, second) is (first.value == winner)
    assert RULES.wins(second, first) is (second.value == winner)
    assert not RULES.wins(first, first)


versions = st.lists(
    st.builds(
        cell,
        st.sampled_from(["name", "revoked_at", "_deleted", "tokens_total"]),
        st.sampled_from(["null", "0", "1", "2", "true", "false"]),
        st.builds(stamp, st.integers(NOW_MS, NOW_MS + 3), st.sampled_from("ab")),
    ),
    min_size=1,
    max_size=5,
)


@given(versions)
def test_every_order_of_arrival_ends_in_the_same_cells(arrived: list[Cell]) -> None:
    ends = []
    for order in itertools.permutations(arrived):
        storage = MemoryStorage("log")
        for each in (*order, order[0]):
            merge(storage, [each], rules=RULES, clock=HybridClock(NodeId("a")))
        ends.append((sorted(storage.stamped_from(Stamp("")), key=lambda each: each.key), storage.digests()))
    at_once = MemoryStorage("log")
    merge(at_once, arrived, rules=RULES, clock=HybridClock(NodeId("a")))
    ends.append((sorted(at_once.stamped_from(Stamp("")), key=lambda each: each.key), at_once.digests()))
    assert all(end == ends[0] for end in ends)


@pytest.mark.parametrize(
    "column", ["revoked_at", "disabled_at", "used_at", "_deleted", "prompt_tokens_total"]
)
def test_columns_that_only_grow(column: str) -> None:
    assert only_grows(column)
    assert not only_grows("name")


@pytest.mark.parametrize(
    ("table", "age_days", "outlived"),
    [
        ("recent_usage", 0, False),
        ("recent_usage", KEPT_DAYS, False),
        ("recent_usage", KEPT_DAYS + 1, True),
        ("users", 10_000, False),
    ],
)
def test_short_lived_tables(table: str, age_days: int, outlived: bool) -> None:
    old = cell("name", "1", stamp(NOW_MS - age_days * DAY_MS), table=table)
    assert RULES.outlived(old, NOW_MS) is outlived


DEEP = "[" * (MOST_VALUE_CHARACTERS // 2) + "]" * (MOST_VALUE_CHARACTERS // 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Cell("Users", "u", "name", "1", stamp(1)), "table's name"),
        (Cell("users; DROP", "u", "name", "1", stamp(1)), "table's name"),
        (Cell("u" * 65, "u", "name", "1", stamp(1)), "table's name"),
        (Cell("users", "u", "na me", "1", stamp(1)), "column's name"),
        (Cell("users", "u", "name\n", "1", stamp(1)), "column's name"),
        (Cell("users", "", "name", "1", stamp(1)), "id"),
        (Cell("users", "a\0b", "name", "1", stamp(1)), "id"),
        (Cell("users", "\ud800", "name", "1", stamp(1)), "id"),
        (Cell("users", "u" * 201, "name", "1", stamp(1)), "id"),
        (Cell("users", "u", "name", "1", Stamp("yesterday")), "stamp"),
        (Cell("users", "u", "name", "1", Stamp(stamp(1) + "\n")), "stamp"),
        (
            Cell("users", "u", "name", "1", Stamp("\u0660" * 13 + "-00000-a")),
            "stamp",
        ),  # digits, but not ASCII
        (Cell("users", "u", "name", '"' + "x" * MOST_VALUE_CHARACTERS + '"', stamp(1)), "longer"),
        (Cell("users", "u", "name", "", stamp(1)), "JSON"),
        (Cell("users", "u", "name", "NaN", stamp(1)), "JSON"),
        (Cell("users", "u", "name", '"a" "b"', stamp(1)), "JSON"),
        (Cell("users", "u", "name", '"\ud800"', stamp(1)), "JSON"),
        (Cell("users", "u", "name", DEEP, stamp(1)), "JSON"),
        (Cell("users", "u", "revoked_at", '"now"', stamp(1)), "grows"),
        (Cell("users", "u", "revoked_at", "-1", stamp(1)), "grows"),
        (Cell("users", "u", "revoked_at", "1e300", stamp(1)), "grows"),
        (Cell("users", "u", "_deleted", "[]", stamp(1)), "grows"),
        (Cell("users", "u", "x_total", "9" * 400, stamp(1)), ""),
    ],
    ids=lambda value: "" if isinstance(value, Cell) else value,
)
def test_flaws(wrong: Cell, said: str) -> None:
    found = flaw(wrong)
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    "right",
    [
        Cell("users", "u", "name", '"ü \\ud83d\\ude00"', stamp(1)),
        Cell("of_a_later_version", "any id, even 'this' one", "column", '{"a": [1, 2.5, null]}', stamp(1)),
        Cell("users", "u", "revoked_at", "null", stamp(1)),
        Cell("users", "u", "name", '"' + "x" * (MOST_VALUE_CHARACTERS - 2) + '"', stamp(1)),
        Cell("users", "u", "_deleted", "true", stamp(9_999_999_999_999)),
    ],
    ids=lambda cell: cell.column,
)
def test_no_flaws(right: Cell) -> None:
    assert flaw(right) is None


def test_one_bad_cell_does_not_keep_the_good_ones_out() -> None:
    good = cell("name", '"good"', stamp(NOW_MS + DAY_MS))
    ahead = cell("name", '"ahead"', stamp(NOW_MS + DAY_MS + 1))
    flawed = cell("revoked_at", '"?"', stamp(NOW_MS))
    sorted_out = sort_out([ahead, good, flawed], RULES, NOW_MS)
    assert sorted_out.kept == (good,)
    assert [each.cell for each in sorted_out.refused] == [ahead, flawed]
    assert sorted_out.refused[0].reason == FROM_THE_FUTURE
