"""The pace of each model at each endpoint: moving averages over the answers that came from there. Pure."""

from collections import OrderedDict
from typing import Any

from corral.app.gateway.endpoint import PlaceId
from corral.app.gateway.pace import UNKNOWN, Pace, Stopwatch

WEIGHT = 0.2  # of the latest answer in the mean
LASTS_S = 900.0  # what was measured longer ago says nothing: a slow endpoint gets another chance
_MOST = 4096


class Paces:
    """Bounded; what was used longest ago is dropped."""

    def __init__(self) -> None:
        self._paces: OrderedDict[PlaceId, tuple[Pace, float]] = OrderedDict()
        self._lengths: OrderedDict[str, float] = OrderedDict()

    def note(self, place: PlaceId, watch: Stopwatch, *, at_once: int, now: float) -> None:
        """An answer has ended; `at_once`: answers of its model in flight there, this one included."""
        tokens = watch.completion_tokens
        if tokens is None:
            return
        _put(self._lengths, place[1], _mean(self._lengths.get(place[1]), tokens))
        new, old = watch.pace(at_once), self.of(place, now=now)
        if new != UNKNOWN:
            pace = Pace(decode=_mean(old.decode, new.decode), prefill=_mean(old.prefill, new.prefill))
            _put(self._paces, place, (pace, now))

    def of(self, place: PlaceId, *, now: float) -> Pace:
        """Measured lately, else UNKNOWN."""
        pace, at = self._paces.get(place, (UNKNOWN, now))
        return pace if now - at <= LASTS_S else UNKNOWN

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
