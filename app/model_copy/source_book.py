"""How the machines that have a model have behaved: who may be asked now, and who never again. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from corral.peers.ids import NodeId

FIRST_REST_S = 1.0
LONGEST_REST_S = 30.0


@dataclass(slots=True)
class _Record:
    failures: int = 0  # in a row
    rests_until: float = float("-inf")


class SourceBook:
    """Of one copy; `now` is any clock in seconds that only goes forward."""

    def __init__(self) -> None:
        self._records: dict[NodeId, _Record] = {}
        self._liars: set[NodeId] = set()

    def usable(self, sources: Iterable[NodeId], now: float) -> list[NodeId]:
        """Those that may be asked now, the most reliable first."""
        able = [each for each in sources if each not in self._liars and self._record(each).rests_until <= now]
        return sorted(able, key=lambda each: self._record(each).failures)

    def failed(self, source: NodeId, now: float) -> None:
        """It rests for a while, longer each time."""
        record = self._record(source)
        record.rests_until = now + min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(record.failures, 16))
        record.failures += 1

    def answered(self, source: NodeId) -> None:
        """It brought something right."""
        self._record(source).failures = 0

    def lied(self, source: NodeId) -> None:
        """It isn't asked any more."""
        self._liars.add(source)

    def _record(self, source: NodeId) -> _Record:
        return self._records.setdefault(source, _Record())
