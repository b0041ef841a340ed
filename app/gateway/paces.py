"""The pace of each model at each endpoint: moving averages over the answers that came from there. Pure."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from corral.app.gateway.crowding import Crowding
from corral.app.gateway.endpoint import PlaceId
from corral.app.gateway.pace import UNKNOWN, Pace, Stopwatch, slowdown

WEIGHT = 0.2  # of the latest answer in the mean
LASTS_S = (
    900.0  # what was measured longer ago counts as twice as fast with each such time: it gets another chance
)
_MOST_DOUBLINGS = 6.0
_MOST = 4096


class Paces:
    """Bounded; what was used longest ago is dropped."""

    def __init__(self) -> None:
        self._paces: OrderedDict[PlaceId, tuple[Pace, float]] = OrderedDict()
        self._crowdings: OrderedDict[PlaceId, Crowding] = OrderedDict()
        self._lengths: OrderedDict[str, float] = OrderedDict()

    def note(self, place: PlaceId, watch: Stopwatch, *, now: float) -> None:
        """An answer has ended."""
        tokens = watch.completion_tokens
        if tokens is None:
            return
        _put(self._lengths, place[1], _mean(self._lengths.get(place[1]), tokens))
        crowding = self._crowdings.get(place) or Crowding()
        new, old = watch.pace(crowding.value), self.of(place, now=now)
        if new == UNKNOWN:
            return
        decode = _mean(old.decode, new.decode)
        if new.decode is not None and decode is not None:
            others = watch.others()
            crowding.see(others, slowdown(1.0 + others, crowding.value) / new.decode, alone_s=1.0 / decode)
            _put(self._crowdings, place, crowding)
        pace = Pace(decode=decode, prefill=_mean(old.prefill, new.prefill), crowding=crowding.value)
        _put(self._paces, place, (pace, now))

    def of(self, place: PlaceId, *, now: float) -> Pace:
        """Measured lately; the older it is the better is what is hoped for. UNKNOWN after some hours."""
        pace, at = self._paces.get(place, (UNKNOWN, now))
        doublings = (now - at) / LASTS_S - 1.0
        if doublings <= 0.0:
            return pace
        if doublings > _MOST_DOUBLINGS:
            return UNKNOWN
        times = 2.0**doublings
        return replace(
            pace,
            decode=None if pace.decode is None else pace.decode * times,
            prefill=None if pace.prefill is None else pace.prefill * times,
        )

    def answer_tokens(self, model: str) -> float | None:
        """How long answers of a model are in the mean, wherever it ran."""
        return self._lengths.get(model)


def _mean(old: float | None, new: float | None) -> float | None:
    if old is None or new is None:
        return old if new is None else new
    return old + WEIGHT * (new - old)


def _put(book: OrderedDict[Any, Any], key: object, value: object) -> None:
    book[key] = value
    book.move_to_end(key)
    if len(book) > _MOST:
        book.popitem(last=False)
