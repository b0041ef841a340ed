"""What becomes of an endpoint's health."""

import pytest

from corral.app.endpoints.health import (
    AGAIN_S,
    NOT_ASKED,
    Health,
    Status,
    failed,
    is_routable,
    next_look_s,
    succeeded,
)


def after(*outcomes: bool) -> Health:
    """One look each second; True: it answered."""
    health = NOT_ASKED
    for second, well in enumerate(outcomes, start=1):
        now = float(second)
        health = succeeded(health, latency_s=0.25, now=now) if well else failed(health, f"e{second}", now=now)
    return health


@pytest.mark.parametrize(
    ("outcomes", "status", "since", "failing_since", "last_error"),
    [
        ((), Status.PENDING, None, None, None),
        ((True,), Status.ONLINE, 1.0, None, None),
        ((True, True), Status.ONLINE, 1.0, None, None),
        ((False,), Status.ERROR, 1.0, 1.0, "e1"),
        ((False, False), Status.OFFLINE, 2.0, 1.0, "e2"),
        ((False, False, False), Status.OFFLINE, 2.0, 1.0, "e3"),
        ((True, False), Status.ERROR, 2.0, 2.0, "e2"),
        ((True, False, False, True), Status.ONLINE, 4.0, None, "e3"),
        ((False, True, False), Status.ERROR, 3.0, 3.0, "e3"),
    ],
)
def test_one_failure_is_an_error_two_are_offline(
    outcomes: tuple[bool, ...],
    status: Status,
    since: float | None,
    failing_since: float | None,
    last_error: str | None,
) -> None:
    health = after(*outcomes)
    assert (health.status, health.since) == (status, since)
    assert (health.failing_since, health.last_error) == (failing_since, last_error)
    assert health.latency_s == (0.25 if True in outcomes else None)


@pytest.mark.parametrize(
    ("outcomes", "has_models", "routable"),
    [
        ((), False, False),
        ((), True, True),
        ((True,), False, True),
        ((False,), True, False),
        ((True, False, False), True, False),
    ],
)
def test_a_new_router_begins_with_what_was_known(
    outcomes: tuple[bool, ...], has_models: bool, routable: bool
) -> None:
    assert is_routable(after(*outcomes), has_models=has_models) is routable


@pytest.mark.parametrize(
    ("outcomes", "chance", "seconds"),
    [
        ((), 0.5, 0.0),
        ((True,), 0.5, 30.0),
        ((True,), 0.0, 27.0),
        ((True,), 1.0, 33.0),
        ((False,), 0.5, AGAIN_S),
        ((False, False), 0.5, 30.0),
    ],
)
def test_when_it_is_looked_at_next(outcomes: tuple[bool, ...], chance: float, seconds: float) -> None:
    assert next_look_s(after(*outcomes), interval_s=30.0, chance=chance) == pytest.approx(seconds)
