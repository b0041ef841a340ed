"""When a router's process is proven gone."""

import pytest

from corral.peers.election.messages import ClaimRef
from corral.peers.election.refusals import Refusals
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId

CLAIM = ClaimRef(3, NodeId("R"))
A, B = NodeId("A"), NodeId("B")


@pytest.mark.parametrize(
    ("mine", "reports", "proven"),
    [
        ([0.0], [], False),
        ([0.0, 0.05], [], False),  # too close
        ([0.0, 0.1], [], True),
        ([0.0], [(A, 0.0)], True),
        ([], [(A, 0.0)], False),
        ([], [(A, 0.0), (A, 0.1)], False),  # the same one twice
        ([], [(A, 0.0), (B, 0.1)], True),
        ([-2.0, 0.1], [], False),  # too long ago
        ([], [(A, -2.0), (B, 0.1)], False),
    ],
)
def test_proof(mine: list[float], reports: list[tuple[NodeId, float]], proven: bool) -> None:
    refusals = Refusals(Timing())
    for at in mine:
        refusals.refused(CLAIM, at)
    for peer, at in reports:
        refusals.reported(CLAIM, peer, at)
    assert refusals.proven(CLAIM, 0.1) is proven
    assert not refusals.proven(ClaimRef(4, NodeId("R")), 0.1)


def test_it_says_when_to_try_again_and_what_to_report() -> None:
    refusals = Refusals(Timing())
    assert refusals.refused(CLAIM, 5.0) == 5.1
    assert refusals.mine(5.0) is None
    assert refusals.refused(CLAIM, 5.1) is None
    assert refusals.mine(5.1) == CLAIM
    assert refusals.mine(7.2) is None
    refusals.clear()
    assert refusals.mine(5.1) is None
