"""Digests are equal where cells are, in whatever order they came."""

from hypothesis import given
from hypothesis import strategies as st

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.cell import Cell
from corral.peers.replication.clock import stamp_of

cells = st.builds(
    Cell,
    st.just("users"),
    st.sampled_from("abc"),
    st.sampled_from(["name", "role"]),
    st.sampled_from(["1", "2"]),
    st.builds(stamp_of, st.integers(1, 2), st.just(0), st.sampled_from([NodeId("a"), NodeId("b")])),
)


@given(st.lists(cells, max_size=12), st.lists(cells, max_size=12))
def test_equal_exactly_if_the_cells_are(one: list[Cell], other: list[Cell]) -> None:
    def stored(versions: list[Cell]) -> tuple[dict[tuple[str, str, str], Cell], int]:
        here: dict[tuple[str, str, str], Cell] = {}
        sum = 0
        for cell in versions:
            sum = digest.replaced(sum, old=here.get(cell.key), new=cell)
            here[cell.key] = cell
        return here, sum

    (cells_one, digest_one), (cells_other, digest_other) = stored(one), stored(other)
    assert (cells_one == cells_other) is (digest_one == digest_other)


def test_of_all_tables() -> None:
    assert digest.of_all({}) == "0" * 32
    assert digest.of_all({"a": 2**128 - 1, "b": 2}) == f"{1:032x}"
