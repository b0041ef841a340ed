"""Stamps rise, whatever the wall clock does."""

from hypothesis import given
from hypothesis import strategies as st

from corral.peers.ids import NodeId
from corral.peers.replication.clock import DAY_MS, HybridClock, horizon, is_stamp, stamp_ms, stamp_of

NODE = NodeId("a")
NOW_MS = 1_700_000_000_000

readings = st.integers(-(10**12), 10**14)


@given(st.lists(st.tuples(readings, st.booleans()), min_size=1, max_size=30))
def test_each_stamp_is_above_all_that_were_made_or_seen(steps: list[tuple[int, bool]]) -> None:
    clock = HybridClock(NODE)
    highest = ""
    for wall_ms, sees_another in steps:
        if sees_another:
            seen = stamp_of(min(abs(wall_ms), 10**13 - 1), 7, NodeId("b"))
            clock.witness(seen)
            highest = max(highest, seen)
        made = clock.tick(wall_ms)
        assert is_stamp(made)
        assert made > highest
        highest = made


def test_stamps_follow_the_wall_clock_while_it_runs_forward() -> None:
    clock = HybridClock(NODE)
    assert [stamp_ms(clock.tick(ms)) for ms in (NOW_MS, NOW_MS + 5, NOW_MS + 6)] == [
        NOW_MS,
        NOW_MS + 5,
        NOW_MS + 6,
    ]


def test_a_clock_that_jumps_back_counts_on() -> None:
    clock = HybridClock(NODE)
    stamps = [clock.tick(ms) for ms in (NOW_MS, NOW_MS - DAY_MS, NOW_MS)]
    assert stamps == [stamp_of(NOW_MS, count, NODE) for count in range(3)]


def test_a_full_count_goes_on_in_the_next_millisecond() -> None:
    clock = HybridClock(NODE, stamp_of(NOW_MS, 99_999, NodeId("b")))
    assert clock.tick(NOW_MS) == stamp_of(NOW_MS + 1, 0, NODE)


def test_a_clock_that_was_wrong_can_be_rewound() -> None:
    clock = HybridClock(NODE, stamp_of(NOW_MS + 3 * DAY_MS, 0, NODE))
    clock.rewind(stamp_of(NOW_MS - 1, 4, NODE))
    assert clock.tick(NOW_MS - 5) == stamp_of(NOW_MS - 1, 5, NODE)
    clock.rewind(None)
    assert clock.tick(NOW_MS) == stamp_of(NOW_MS, 0, NODE)


def test_the_horizon_is_a_day_ahead() -> None:
    assert stamp_of(NOW_MS + DAY_MS, 99_999, NodeId("z")) < horizon(NOW_MS)
    assert stamp_of(NOW_MS + DAY_MS + 1, 0, NODE) >= horizon(NOW_MS)
    assert horizon(-5) == horizon(0)
