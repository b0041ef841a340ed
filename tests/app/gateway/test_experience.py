"""What is remembered of endpoints: pace and failures."""

from dataclasses import replace

import pytest

from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.app.gateway.failures import HALF_LIFE_S, MOST_PENALTY, Failures
from corral.app.gateway.pace import UNKNOWN, Crowd, Pace, Stopwatch, slowdown
from corral.app.gateway.paces import LASTS_S, Paces
from corral.engines.events import Done, Event, Finished, Started, TextDelta
from tests.engines.pools import FakeClock

A: PlaceId = (EndpointId("a"), "m")
B: PlaceId = (EndpointId("b"), "m")
NOW = 1000.0


def timed(*steps: tuple[float, Event], beside: int = 0, warm: bool = True) -> Stopwatch:
    """A stopwatch that saw events after so many seconds each, while so many others ran."""
    clock = FakeClock()
    crowd = Crowd(clock)
    for _ in range(1 + beside):
        crowd.enter()
    watch = Stopwatch(clock, crowd=crowd, warm=warm)
    for seconds, event in steps:
        clock.now += seconds
        watch.see([event])
    return watch


def answer(
    *,
    prompt: int = 100,
    cached: int = 0,
    tokens: int = 11,
    choices: int = 1,
    beside: int = 0,
    warm: bool = True,
) -> Stopwatch:
    """One second of reading, one of generating."""
    return timed(
        (1.0, Started(prompt_tokens=prompt, cached_tokens=cached)),
        (0.0, TextDelta(index=0, text="a")),
        *((1.0 / choices, Finished(index=index, reason="stop")) for index in range(choices)),
        (0.0, Done(prompt_tokens=prompt, completion_tokens=tokens, cached_tokens=cached)),
        beside=beside,
        warm=warm,
    )


@pytest.mark.parametrize(
    ("watch", "pace"),
    [
        (answer(), Pace(decode=10.0, prefill=100.0)),
        (answer(beside=1), Pace(decode=15.0, prefill=150.0)),
        (answer(beside=2), Pace(decode=20.0, prefill=200.0)),
        (answer(tokens=22, choices=2), Pace(decode=10.0, prefill=100.0)),
        (answer(cached=50), Pace(decode=10.0)),
        (answer(warm=False), Pace(decode=10.0)),
        (answer(tokens=5), Pace(prefill=100.0)),
        (timed((1.0, Started(prompt_tokens=100, cached_tokens=0))), Pace(prefill=100.0)),
        (timed((1.0, Done(prompt_tokens=100))), UNKNOWN),
    ],
)
def test_a_stopwatch(watch: Stopwatch, pace: Pace) -> None:
    assert watch.pace() == pace


def test_a_stopwatch_counts_others_only_while_they_run() -> None:
    clock = FakeClock()
    crowd = Crowd(clock)
    crowd.enter()
    watch = Stopwatch(clock, crowd=crowd, warm=True)
    crowd.enter()
    clock.now += 1.0  # both read
    watch.see([Started(prompt_tokens=100, cached_tokens=0), TextDelta(index=0, text="a")])
    clock.now += 0.5
    crowd.leave()
    clock.now += 1.5  # alone
    watch.see([Finished(index=0, reason="stop"), Done(prompt_tokens=100, completion_tokens=21)])
    clock.now += 100.0
    assert watch.others() == pytest.approx(0.25)
    measured = watch.pace(0.4)
    assert measured.decode == pytest.approx(1.1 * 20 / 2.0)
    assert measured.prefill == pytest.approx(140.0)
    assert watch.cached_share == 0.0


@pytest.mark.parametrize(("seen", "decode"), [(True, 20.0), (False, 20.0 / 1.5)])
def test_an_answer_that_came_as_a_whole(seen: bool, decode: float) -> None:
    clock = FakeClock()
    crowd = Crowd(clock)
    crowd.enter()
    watch = Stopwatch(clock, crowd=crowd, warm=True)
    clock.now += 1.0
    if seen:
        watch.first_token()
    clock.now += 1.0
    watch.counted(Done(prompt_tokens=100, completion_tokens=21, cached_tokens=30))
    measured = watch.pace()
    assert measured.decode == pytest.approx(decode)
    assert measured.prefill == (70.0 if seen else None)
    assert watch.cached_share == 0.3


def test_slowdown() -> None:
    assert [slowdown(at_once) for at_once in range(4)] == [1.0, 1.0, 1.5, 2.0]


def test_a_pace_is_a_moving_average_that_ends() -> None:
    paces = Paces()
    paces.note(A, answer(), now=NOW)
    paces.note(A, answer(tokens=16, cached=90), now=NOW)
    assert replace(paces.of(A, now=NOW), crowding=None) == Pace(decode=11.0, prefill=100.0)
    assert paces.of(B, now=NOW) == UNKNOWN
    assert paces.answer_tokens("m") == 12.0
    old = paces.of(A, now=NOW + LASTS_S)
    assert (old.decode, old.prefill) == (11.0, 100.0)
    hoped = paces.of(A, now=NOW + 2 * LASTS_S)  # it gets another chance
    assert (hoped.decode, hoped.prefill) == (22.0, 200.0)
    assert paces.of(A, now=NOW + 8 * LASTS_S) == UNKNOWN
    assert paces.answer_tokens("other") is None


def test_an_answer_that_was_broken_off_says_nothing() -> None:
    paces = Paces()
    paces.note(A, timed((1.0, Started(prompt_tokens=100, cached_tokens=0))), now=NOW)
    assert paces.of(A, now=NOW) == UNKNOWN


def test_failures_add_up_and_heal() -> None:
    failures = Failures()
    for _ in range(2):
        failures.failed(A, "gone", now=NOW)
    assert failures.penalty(A, now=NOW) == 2.0
    assert failures.penalty(B, now=NOW) == 0.0
    assert failures.penalty(A, now=NOW + HALF_LIFE_S) == 1.0
    failures.answered(A, now=NOW + HALF_LIFE_S)
    assert failures.penalty(A, now=NOW + HALF_LIFE_S) == 0.5
    assert failures.penalty(A, now=NOW + 10 * HALF_LIFE_S) == 0.0
    for _ in range(100):
        failures.failed(A, "gone", now=NOW)
    assert failures.penalty(A, now=NOW) == MOST_PENALTY


def test_the_last_failure_is_known_until_the_next_answer() -> None:
    failures = Failures()
    failures.failed(A, "first", now=NOW)
    failures.failed((A[0], "other"), "second", now=NOW + 5)
    last = failures.last(A[0])
    assert last is not None
    assert (last.message, last.at, last.since) == ("second", NOW + 5, NOW)
    failures.answered(A, now=NOW + 6)
    assert failures.last(A[0]) is None
    failures.failed(A, "third", now=NOW + 7)
    failures.forget(A[0])
    assert (failures.last(A[0]), failures.penalty(A, now=NOW + 7)) == (None, 0.0)


def test_crowding_is_learned() -> None:
    for true in (0.1, 0.9):
        paces = Paces()
        for number in range(200):
            beside = number % 6
            seconds = 10.0 * slowdown(1 + beside, true)
            watch = timed(
                (1.0, Started(prompt_tokens=10, cached_tokens=0)),
                (0.0, TextDelta(index=0, text="a")),
                (seconds, Finished(index=0, reason="stop")),
                (0.0, Done(prompt_tokens=10, completion_tokens=101)),
                beside=beside,
            )
            paces.note(A, watch, now=NOW)
        pace = paces.of(A, now=NOW)
        assert pace.decode == pytest.approx(10.0, rel=0.1)
        assert pace.crowding == pytest.approx(true, abs=0.07)
