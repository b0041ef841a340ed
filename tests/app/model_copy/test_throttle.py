"""Bytes per second, with a clock that passes when told."""

from corral.app.model_copy.throttle import Throttle
from tests.engines.pools import FakeClock


def test_without_a_bound_nothing_waits() -> None:
    throttle = Throttle(None)
    assert [throttle.delay_s(10**12) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert throttle.portion(1000) == 1000


def test_each_waits_for_those_before_it() -> None:
    clock = FakeClock()
    throttle = Throttle(1000, clock=clock)
    assert throttle.delay_s(250) == 0.0  # what was not used lately
    assert [throttle.delay_s(500) for _ in range(3)] == [0.0, 0.5, 1.0]
    clock.now += 1.5
    assert throttle.delay_s(500) == 0.0
    assert throttle.delay_s(500) == 0.5


def test_a_long_pause_saves_only_little() -> None:
    clock = FakeClock()
    throttle = Throttle(1000, clock=clock)
    throttle.delay_s(1)
    clock.now += 3600
    assert throttle.delay_s(1250) == 0.0
    assert throttle.delay_s(1) == 1.0


def test_portions_are_small_where_much_would_take_long() -> None:
    assert Throttle(4_000_000).portion(1024**2) == 1_000_000
    assert Throttle(10).portion(1024**2) == 1024
    assert Throttle(10**9).portion(1024**2) == 1024**2


async def test_taking_waits() -> None:
    throttle = Throttle(10**9)
    for _ in range(3):
        await throttle.take(1000)
