"""Which endpoints failed lately: each failure makes them less likely to be chosen, time and answers heal it. Pure."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from corral.app.gateway.endpoint import EndpointId, PlaceId

HALF_LIFE_S = 30.0
MOST_PENALTY = 8.0
_HEALED = 0.05  # less than this is nothing
_ANSWER_HEALS = 0.5
_BUSY = 0.25  # as bad as so much of a failure
_MOST_PLACES = 4096


@dataclass(frozen=True, slots=True)
class Failure:
    """The last one of an endpoint."""

    message: str
    at: float  # Unix time, seconds
    since: float  # of the first one after its last answer


class Failures:
    """Penalties per model and endpoint, and the last failure of each endpoint."""

    def __init__(self) -> None:
        self.on_failure: Callable[[EndpointId], None] = lambda endpoint: None  # hears of each
        self._penalties: OrderedDict[PlaceId, tuple[float, float]] = OrderedDict()  # value, when
        self._last: dict[EndpointId, Failure] = {}

    def __len__(self) -> int:
        return len(self._penalties)

    def failed(self, place: PlaceId, message: str, *, now: float) -> None:
        """It could not answer."""
        self._add(place, 1.0, now)
        before = self._last.get(place[0])
        self._last[place[0]] = Failure(message, now, now if before is None else before.since)
        self.on_failure(place[0])

    def busy(self, place: PlaceId, *, now: float) -> None:
        """It has too much to do; that is no failure, but soon it won't be different."""
        self._add(place, _BUSY, now)

    def answered(self, place: PlaceId, *, now: float) -> None:
        """It answered."""
        self._last.pop(place[0], None)
        if place in self._penalties:
            self._penalties[place] = self.penalty(place, now=now) * _ANSWER_HEALS, now

    def penalty(self, place: PlaceId, *, now: float) -> float:
        """0 for one that is well, about the number of its failures in the last half minute, MOST_PENALTY at most."""
        value, at = self._penalties.get(place, (0.0, now))
        value *= 0.5 ** (max(0.0, now - at) / HALF_LIFE_S)
        return value if value >= _HEALED else 0.0

    def last(self, endpoint: EndpointId) -> Failure | None:
        """What an endpoint failed with, if it has not answered since."""
        return self._last.get(endpoint)

    def forget(self, endpoint: EndpointId) -> None:
        """It is gone for good."""
        self._last.pop(endpoint, None)
        for place in [place for place in self._penalties if place[0] == endpoint]:
            del self._penalties[place]

    def _add(self, place: PlaceId, penalty: float, now: float) -> None:
        self._penalties[place] = min(MOST_PENALTY, self.penalty(place, now=now) + penalty), now
        self._penalties.move_to_end(place)
        if len(self._penalties) > _MOST_PLACES:
            self._penalties.popitem(last=False)
