"""Which piece is fetched where: the next one that nobody fetches, and at the end one that is slow elsewhere. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from corral.peers.ids import NodeId

LATE_S = 5.0  # a piece that a source brings so much later than it should is fetched elsewhere too
_RATE_WEIGHT = 0.5  # of the latest piece in a source's speed
_MOST_FETCHERS = 2  # of one piece


@dataclass(slots=True)
class _Fetch:
    began_at: float
    got_bytes: int = 0


class PieceBoard:
    """`now` is any clock in seconds that only goes forward."""

    def __init__(self, sizes: Sequence[int], have: Collection[int], *, late_s: float = LATE_S) -> None:
        """`sizes` of all pieces in bytes, `have` the numbers of those that are there."""
        self._late_s = late_s
        self._sizes = sizes
        self._missing = dict.fromkeys(number for number in range(len(sizes)) if number not in have)
        self._fetches: dict[int, dict[NodeId, _Fetch]] = {}
        self._rates: dict[NodeId, float] = {}  # bytes per second

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self._missing

    @property
    def done_bytes(self) -> int:
        """Of all that is there, and of all that has come of what is being fetched."""
        missing = sum(self._sizes[number] for number in self._missing)
        coming = sum(max(each.got_bytes for each in some.values()) for some in self._fetches.values() if some)
        return sum(self._sizes) - missing + coming

    def is_missing(self, number: int) -> bool:
        """Whether nobody has brought it yet."""
        return number in self._missing

    def take(self, source: NodeId, now: float) -> int | None:
        """A piece for this source to fetch; None: there is nothing for it to do now."""
        number = next((each for each in self._missing if not self._fetches.get(each)), None)
        if number is None:
            number = self._slow_elsewhere(source, now)
        if number is not None:
            self._fetches.setdefault(number, {})[source] = _Fetch(began_at=now)
        return number

    def coming(self, number: int, source: NodeId, got_bytes: int) -> None:
        """So much of a piece has come."""
        fetch = self._fetches.get(number, {}).get(source)
        if fetch is not None:
            fetch.got_bytes = got_bytes

    def put_back(self, number: int, source: NodeId) -> None:
        """It doesn't fetch this piece any more."""
        fetches = self._fetches.get(number, {})
        fetches.pop(source, None)
        if not fetches:
            self._fetches.pop(number, None)

    def brought(self, number: int, source: NodeId, now: float) -> None:
        """The piece is there."""
        fetch = self._fetches.get(number, {}).get(source)
        if fetch is not None:
            rate = self._sizes[number] / max(1e-6, now - fetch.began_at)
            self._rates[source] = _RATE_WEIGHT * rate + (1 - _RATE_WEIGHT) * self._rates.get(source, rate)
        self._missing.pop(number, None)
        self.put_back(number, source)

    def _slow_elsewhere(self, source: NodeId, now: float) -> int | None:
        """The piece that will take longest, if this source would be done with all of it earlier."""
        ends = {
            number: self._end(number, other, fetch, now)
            for number, fetches in self._fetches.items()
            if number in self._missing and len(fetches) < _MOST_FETCHERS and source not in fetches
            for other, fetch in fetches.items()
        }
        rate = self._rates.get(source)
        slow = [
            number
            for number, end in ends.items()
            if end > (float("inf") if rate is None else now + self._sizes[number] / rate)
            or end == float("inf")
        ]
        return max(slow, key=lambda number: ends[number], default=None)

    def _end(self, number: int, source: NodeId, fetch: _Fetch, now: float) -> float:
        """When a source will have brought a piece; never, if it should have by now."""
        rate = self._rates.get(source)
        if rate is None:
            return float("inf") if now - fetch.began_at > self._late_s else now
        end = fetch.began_at + self._sizes[number] / rate
        return float("inf") if now > end + self._late_s else end
