import pytest

from corral.peers.cluster.rank import Standing, may_ask, takes_in
from corral.peers.ids import ClusterId

A, B = ClusterId("a" * 32), ClusterId("b" * 32)


def standing(
    id: ClusterId = A, *, members: int = 1, used: bool = False, founded_at: float = 100.0
) -> Standing:
    return Standing(id=id, members=members, used=used, founded_at=founded_at)


@pytest.mark.parametrize(
    ("own", "asks"),
    [
        (standing(), True),
        (standing(used=True), False),
        (standing(members=2), False),
    ],
)
def test_only_a_fresh_machine_asks_by_itself(own: Standing, asks: bool) -> None:
    assert may_ask(own) is asks


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (standing(B, members=2, founded_at=900.0), standing(A, used=True)),
        (standing(B, used=True, founded_at=900.0), standing(A)),
        (standing(B, founded_at=99.0), standing(A)),
        (standing(A), standing(B)),
    ],
)
def test_exactly_one_takes_the_other_in(winner: Standing, loser: Standing) -> None:
    assert takes_in(winner, loser)
    assert not takes_in(loser, winner)
