"""The last changes of who reigns, as one node saw them, for people to read."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from corral.peers.election.messages import ClaimRef

MOST_CHANGES: Final = 50

# Reasons that tell of two parts of a cluster.
SILENT: Final = "nothing was heard of it"
ABSORBED_OTHER: Final = "absorbed another router"
ABSORBED_BY: Final = "absorbed by another router"
GAVE_WAY: Final = "gave way to another router"
MET: Final = "met another router, which decides"
MERGERS: Final = frozenset({ABSORBED_OTHER, ABSORBED_BY, GAVE_WAY, MET})
HANDED_OVER: Final = "handed over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed and why; `at` is in seconds of the elector's clock. `claim` is the one now followed, if any."""

    at: float
    reason: str
    claim: ClaimRef | None


class Chronicle:
    """A bounded list of changes, oldest first."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=MOST_CHANGES)

    def add(self, reason: str, claim: ClaimRef | None, now: float) -> None:
        """Note a change."""
        self._changes.append(Change(at=now, reason=reason, claim=claim))

    def add_once(self, reason: str, claim: ClaimRef, now: float) -> None:
        """Note that something goes on, unless that was the last thing noted."""
        last = self._changes[-1] if self._changes else None
        if last is None or (last.reason, last.claim) != (reason, claim):
            self.add(reason, claim, now)

    def add_meeting(self, claim: ClaimRef, now: float, *, within_s: float) -> None:
        """Note that two routers met, unless that was noted a moment ago."""
        if not any(each.reason in MERGERS and now - each.at < within_s for each in self._changes):
            self.add(MET, claim, now)

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that are kept."""
        return tuple(self._changes)
