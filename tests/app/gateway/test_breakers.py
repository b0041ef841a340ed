"""Circuit breakers, as tables of what happens when."""

from collections.abc import Sequence

import pytest

from corral.app.gateway.breakers import FIRST_REST_S, LONGEST_REST_S, Breakers, Circuit
from corral.app.gateway.endpoint import EndpointId

A, B = EndpointId("a"), EndpointId("b")
CLOSED, OPEN, HALF = Circuit.CLOSED, Circuit.OPEN, Circuit.HALF_OPEN
Step = tuple[float, str]  # seconds since the step before, what happens

FAIL, ANSWER, TRIAL, LEFT = "failed", "answered", "begin_trial", "end_trial"
OPENED: Sequence[Step] = [(0.0, FAIL)] * 3
TRIED: Sequence[Step] = [*OPENED, (FIRST_REST_S, TRIAL)]


def after(steps: Sequence[Step], later_s: float = 0.0) -> tuple[Breakers, float]:
    breakers, now = Breakers(), 1000.0
    for seconds, what in steps:
        now += seconds
        if what in (FAIL, ANSWER):
            getattr(breakers, what)(A, now=now)
        else:
            getattr(breakers, what)(A)
    return breakers, now + later_s


@pytest.mark.parametrize(
    ("steps", "later_s", "circuit"),
    [
        ([], 0.0, CLOSED),
        ([(0.0, FAIL)] * 2, 0.0, CLOSED),
        (OPENED, 0.0, OPEN),
        (OPENED, FIRST_REST_S - 0.1, OPEN),
        (OPENED, FIRST_REST_S, HALF),
        ([(0.0, FAIL), (60.0, FAIL), (60.0, FAIL)], 0.0, CLOSED),  # time heals
        # answers heal: one failure in two is too much, one in three is not
        ([(0.0, FAIL), (0.0, ANSWER)] * 4, 0.0, CLOSED),
        ([(0.0, FAIL), (0.0, ANSWER)] * 5 + [(0.0, FAIL)], 0.0, OPEN),
        ([(0.0, FAIL), (0.0, ANSWER), (0.0, ANSWER)] * 50, 0.0, CLOSED),
        # a trial
        (TRIED, 0.0, OPEN),
        (TRIED, 1000.0, OPEN),  # nobody else is sent there meanwhile
        ([*TRIED, (0.0, ANSWER)], 0.0, CLOSED),
        ([*TRIED, (0.0, LEFT)], 0.0, HALF),
        ([*TRIED, (0.0, FAIL)], FIRST_REST_S, OPEN),
        ([*TRIED, (0.0, FAIL)], 2 * FIRST_REST_S, HALF),
        ([*TRIED, (0.0, FAIL), (2 * FIRST_REST_S, TRIAL), (0.0, FAIL)], 4 * FIRST_REST_S - 0.1, OPEN),
        ([*OPENED, *[(0.0, FAIL)] * 50], FIRST_REST_S, HALF),  # sent before it opened
        # it has to earn trust
        ([*TRIED, (0.0, ANSWER), (0.0, FAIL)], 0.0, OPEN),
        ([*TRIED, *[(0.0, ANSWER)] * 5, (0.0, FAIL)], 0.0, CLOSED),
        ([*OPENED, (0.0, ANSWER)], 0.0, CLOSED),  # an answer that was asked for earlier
    ],
)
def test_a_breaker(steps: Sequence[Step], later_s: float, circuit: Circuit) -> None:
    breakers, now = after(steps, later_s)
    assert breakers.circuit(A, now=now) == circuit
    assert breakers.circuit(B, now=now) == CLOSED


def test_rests_grow_to_the_longest_and_time_makes_them_short_again() -> None:
    breakers, now = after(OPENED)
    for _ in range(20):
        now += LONGEST_REST_S
        breakers.begin_trial(A)
        breakers.failed(A, now=now)
    assert breakers.circuit(A, now=now + LONGEST_REST_S - 0.1) == OPEN
    assert breakers.circuit(A, now=now + LONGEST_REST_S) == HALF
    now += LONGEST_REST_S
    breakers.answered(A, now=now)
    now += 1000.0
    for _ in range(3):
        breakers.failed(A, now=now)
    assert breakers.circuit(A, now=now + FIRST_REST_S) == HALF


def test_only_those_that_failed_are_kept() -> None:
    breakers, now = after([(0.0, FAIL), (0.0, ANSWER), (0.0, ANSWER)])
    assert len(breakers) == 0
    breakers.failed(A, now=now)
    breakers.forget(A)
    breakers.begin_trial(A)
    breakers.end_trial(A)
    assert (len(breakers), breakers.circuit(A, now=now)) == (0, CLOSED)
