"""Whether a runtime may answer, and when to look at it again: rules over plain facts. Pure, times are Unix time in seconds.

registering    it has not been reached yet: GET /v1/models is tried until it answers
initializing   it says itself that it is not ready
online         it beats and answers
error          it beats, but did not answer the last time
offline        no heartbeat in time, two failures in a row, disconnected, or this node can't reach it
disabled       by its settings
"""

from dataclasses import dataclass
from enum import StrEnum

from corral.app.runtimes.record import RuntimeRecord

PROBE_EVERY_S = 30.0
_FIRST_PAUSE_S = 1.0
_MOST_FAILURES = 2  # in a row: then it is offline


class Status(StrEnum):
    """As documents show it."""

    REGISTERING = "registering"
    INITIALIZING = "initializing"
    ONLINE = "online"
    ERROR = "error"
    OFFLINE = "offline"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What this node knows of a runtime since it became the router."""

    known_since: float  # it registered, or this node became the router
    heard_at: float | None = None  # the last heartbeat
    initializing: bool = False
    reached_at: float | None = None  # GET /v1/models worked last
    tried_at: float | None = None  # it was tried last
    failures: int = 0  # in a row
    error: str | None = None  # of the last one
    wants_probe: bool = True  # something changed there

    @property
    def alive_at(self) -> float:
        """When it was alive, or may have been: a new router gives all of them time for a heartbeat."""
        return max(self.known_since, self.heard_at or 0.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status and, where it isn't plain, the reason."""

    status: Status
    reason: str | None = None


def judged(record: RuntimeRecord, facts: Facts, *, node: str, now: float, timeout_s: float) -> Judgement:
    """How it is, as `node` sees it."""
    out = _out(record, node=node)
    if out is not None:
        return out
    if is_silent(facts, now=now, timeout_s=timeout_s):
        return Judgement(Status.OFFLINE, f"no heartbeat for {timeout_s:g} s")
    if facts.reached_at is None:
        return Judgement(Status.REGISTERING, facts.error)
    if facts.failures >= _MOST_FAILURES:
        return Judgement(Status.OFFLINE, facts.error)
    if facts.failures:
        return Judgement(Status.ERROR, facts.error)
    return Judgement(Status.INITIALIZING if facts.initializing else Status.ONLINE)


def is_silent(facts: Facts, *, now: float, timeout_s: float) -> bool:
    """Whether it missed its heartbeats."""
    return now - facts.alive_at > timeout_s


def next_probe(record: RuntimeRecord, facts: Facts, *, node: str, timeout_s: float) -> float | None:
    """When to try GET /v1/models again, if it beats until then; None: not before something changes."""
    if record.disconnected or _elsewhere(record, node):
        return None
    if facts.tried_at is None or facts.wants_probe:
        due = 0.0 if facts.tried_at is None or not facts.failures else facts.tried_at + _FIRST_PAUSE_S
    elif facts.failures:
        due = facts.tried_at + min(PROBE_EVERY_S, _FIRST_PAUSE_S * 2 ** min(facts.failures - 1, 10))
    else:
        due = facts.tried_at + PROBE_EVERY_S
    return due if due <= facts.alive_at + timeout_s else None


def next_change(facts: Facts, *, timeout_s: float) -> float:
    """When it will have missed its heartbeats."""
    return facts.alive_at + timeout_s


def _out(record: RuntimeRecord, *, node: str) -> Judgement | None:
    """Why it doesn't matter how it is."""
    if not record.settings.enabled:
        return Judgement(Status.DISABLED, "disabled in its settings")
    if record.disconnected:
        return Judgement(Status.OFFLINE, "disconnected; it comes back when it registers again")
    if _elsewhere(record, node):
        return Judgement(
            Status.OFFLINE,
            "it registered with an address that only its own machine reaches, and another one is the router now; let "
            "it register with its machine's address on the network",
        )
    return None


def _elsewhere(record: RuntimeRecord, node: str) -> bool:
    return record.registration.only_from not in (None, node)
