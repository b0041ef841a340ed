"""How an endpoint is, as the router sees it: pending, online, error after one failure, offline after two. Pure.

`now` is Unix time in seconds.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

AGAIN_S: Final = 2.0  # after the first failure it is asked again soon: is it gone, or was that a hiccup?
JITTER: Final = 0.1  # of the interval, so that endpoints aren't all asked at the same time


class Status(StrEnum):
    """As the dashboard shows it."""

    PENDING = "pending"  # not asked yet
    ONLINE = "online"
    ERROR = "error"  # it failed once
    OFFLINE = "offline"  # it failed twice, or more often


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`since`: of the status. `failing_since` is None while all is well."""

    status: Status = Status.PENDING
    since: float | None = None
    checked_at: float | None = None
    latency_s: float | None = None  # of the last answer
    failures: int = 0  # in a row
    last_error: str | None = None  # stays known after it is over
    failed_at: float | None = None
    failing_since: float | None = None


NOT_ASKED: Final = Health()


def succeeded(before: Health, *, latency_s: float, now: float) -> Health:
    """It answered."""
    return replace(
        before,
        status=Status.ONLINE,
        since=before.since if before.status is Status.ONLINE else now,
        checked_at=now,
        latency_s=latency_s,
        failures=0,
        failing_since=None,
    )


def failed(before: Health, error: str, *, now: float) -> Health:
    """It didn't."""
    failures = before.failures + 1
    status = Status.ERROR if failures == 1 else Status.OFFLINE
    return replace(
        before,
        status=status,
        since=before.since if before.status is status else now,
        checked_at=now,
        failures=failures,
        last_error=error,
        failed_at=now,
        failing_since=now if before.failing_since is None else before.failing_since,
    )


def is_routable(health: Health, *, has_models: bool) -> bool:
    """Whether requests may go there.

    A new router has not asked anybody yet: it begins with what the last one knew, so that a change of the router
    isn't a gap. What turns out to be gone costs a request one try.
    """
    return health.status is Status.ONLINE or (health.status is Status.PENDING and has_models)


def next_look_s(health: Health, *, interval_s: float, chance: float) -> float:
    """Seconds from the last look to the next one. `chance` is a random number from 0 to 1."""
    if health.status is Status.PENDING:
        return 0.0
    if health.status is Status.ERROR:
        return min(AGAIN_S, interval_s)
    return interval_s * (1.0 + JITTER * (2.0 * chance - 1.0))
