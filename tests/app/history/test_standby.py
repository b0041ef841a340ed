"""Which machine copies the router's history."""

import pytest

from corral.app.history.standby import PATIENCE_S, Standby, next_standby
from corral.peers.ids import NodeId

A, B, C = NodeId("A"), NodeId("B"), NodeId("C")


@pytest.mark.parametrize(
    ("before", "fit", "after"),
    [
        (Standby(), [], Standby()),
        (Standby(), [B, C], Standby(B)),
        (Standby(C), [B, C], Standby(C)),  # a better one changes nothing
        (Standby(C, 95.0), [B, C], Standby(C)),  # it is back
        (Standby(C), [B], Standby(C, 100.0)),
        (Standby(C), [], Standby(C, 100.0)),
        (Standby(C, 99.0), [B], Standby(C, 99.0)),
        (Standby(C, 100.0 - PATIENCE_S), [B], Standby(B)),
        (Standby(C, 100.0 - PATIENCE_S), [], Standby()),
    ],
)
def test_the_next_standby(before: Standby, fit: list[NodeId], after: Standby) -> None:
    assert next_standby(before, fit, 100.0) == after
