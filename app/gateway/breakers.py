"""A circuit breaker for each endpoint: one that keeps failing is left alone, and then tried out with one request. Pure.

closed     requests go there. Each failure adds a point, each answer takes half a point away, and time halves what is left:
           one that fails more than every third request opens.
open       it comes last, so that it is asked only if nobody else is left. Five seconds at first, twice as long after each
           trial that failed, a minute at most.
half open  the next request that would go there is its trial; until that is decided, the others go elsewhere.
"""

from dataclasses import dataclass
from enum import StrEnum

from corral.app.gateway.endpoint import EndpointId

OPENS_AT = 3.0  # points
HALF_LIFE_S = 30.0
FIRST_REST_S, LONGEST_REST_S = 5.0, 60.0
_ANSWER_HEALS = 0.5
_HEALED = 0.05


class Circuit(StrEnum):
    """What state an endpoint's breaker is in."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class _Breaker:
    points: float = 0.0
    at: float = 0.0  # Unix time of the points
    rests_until: float | None = None  # None: closed
    rests: int = 0  # in a row
    on_trial: bool = False

    def points_at(self, now: float) -> float:
        points = self.points * 0.5 ** (max(0.0, now - self.at) / HALF_LIFE_S)
        return points if points >= _HEALED else 0.0

    def open(self, now: float) -> None:
        self.rests_until = now + min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(self.rests, 16))
        self.rests += 1
        self.on_trial = False


class Breakers:
    """Those of all endpoints; only such as failed lately are kept. `now` is Unix time."""

    def __init__(self) -> None:
        self._breakers: dict[EndpointId, _Breaker] = {}

    def __len__(self) -> int:
        return len(self._breakers)

    def circuit(self, endpoint: EndpointId, *, now: float) -> Circuit:
        """Its state. OPEN also while somebody tries it out."""
        breaker = self._breakers.get(endpoint)
        if breaker is None or breaker.rests_until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if breaker.on_trial or now < breaker.rests_until else Circuit.HALF_OPEN

    def failed(self, endpoint: EndpointId, *, now: float) -> None:
        """It could not answer, or broke its answer off."""
        breaker = self._breakers.setdefault(endpoint, _Breaker())
        if breaker.rests_until is None and not breaker.points_at(now):
            breaker.rests = 0
        breaker.points, breaker.at = min(OPENS_AT, breaker.points_at(now) + 1.0), now
        if breaker.rests_until is None:
            if breaker.points >= OPENS_AT - _HEALED:
                breaker.open(now)
        elif breaker.on_trial:
            breaker.open(now)  # others that fail meanwhile were sent before it opened

    def answered(self, endpoint: EndpointId, *, now: float) -> None:
        """It began to answer. One that was open has to do so several times until it may fail again."""
        breaker = self._breakers.get(endpoint)
        if breaker is None:
            return
        if breaker.rests_until is not None:
            breaker.rests_until, breaker.on_trial = None, False
            breaker.points, breaker.at = OPENS_AT - 1.0, now
            return
        breaker.points, breaker.at = max(0.0, breaker.points_at(now) - _ANSWER_HEALS), now
        if not breaker.points_at(now):
            del self._breakers[endpoint]

    def begin_trial(self, endpoint: EndpointId) -> None:
        """A request goes to an endpoint that is half open."""
        if (breaker := self._breakers.get(endpoint)) is not None:
            breaker.on_trial = True

    def end_trial(self, endpoint: EndpointId) -> None:
        """It is not decided: the client left, or its request was wrong."""
        if (breaker := self._breakers.get(endpoint)) is not None:
            breaker.on_trial = False

    def forget(self, endpoint: EndpointId) -> None:
        """It is gone for good."""
        self._breakers.pop(endpoint, None)
