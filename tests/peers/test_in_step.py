"""Pauses that end together."""

import pytest

from corral.peers.in_step import until_step


@pytest.mark.parametrize(
    ("interval_s", "now", "ends_at"),
    [
        (0.5, 100.0, 100.5),
        (0.5, 100.2, 100.5),
        (1.0, 100.2, 101.0),
        (2.0, 100.2, 102.0),
        (0.5, 100.499, 101.0),  # the look of 100.5 came early
        (0.5, 100.44, 100.5),
    ],
)
def test_pauses_end_at_multiples_of_their_interval(interval_s: float, now: float, ends_at: float) -> None:
    assert now + until_step(interval_s, now) == pytest.approx(ends_at)
