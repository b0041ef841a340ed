"""When a crashed model may start again."""

import pytest

from corral.engines import restarts
from corral.engines.limits import PoolLimits

LIMITS = PoolLimits(crash_limit=3, crash_window_s=300, restart_backoff_s=2)


@pytest.mark.parametrize(
    ("crashes", "now", "expected"),
    [
        ([], 1000, False),
        ([990, 995], 1000, False),
        ([900, 990, 995], 1000, True),
        ([700, 990, 995], 1000, False),
        ([701, 990, 995], 1000, True),
    ],
)
def test_three_crashes_in_five_minutes_are_too_many(crashes: list[float], now: float, expected: bool) -> None:
    assert restarts.given_up(crashes, now=now, limits=LIMITS) is expected


@pytest.mark.parametrize(
    ("crashes", "now", "expected"),
    [
        ([], 1000, 0),
        ([1000], 1000, 0),
        ([990, 1000], 1000, 2),
        ([990, 1000], 1001.5, 0.5),
        ([990, 1000], 1010, 0),
        ([980, 990, 1000], 1000, 4),
        ([10, 20, 1000], 1000, 0),
    ],
)
def test_the_pause_before_a_restart_grows(crashes: list[float], now: float, expected: float) -> None:
    assert restarts.delay_s(crashes, now=now, limits=LIMITS) == expected
