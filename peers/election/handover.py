"""A router that wants to be succeeded: whom it asks, and when again."""

from collections.abc import Sequence

from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId

_TIMES_NAMED = 3  # so often is a named successor asked
_TIMES_EACH = 2


class Handover:
    """Asks the named member, or the best ones in turn until one takes over."""

    def __init__(self, named: NodeId | None, *, timing: Timing, now: float) -> None:
        self._named = named
        self._timing = timing
        self._tries = 0
        self.asked: NodeId | None = None
        self.next_try = now

    def ask(self, successors: Sequence[NodeId], now: float) -> NodeId | None:
        """Whom to ask now; None when it has failed."""
        self.next_try = now + self._timing.takeover
        self.asked = self._choose(successors)
        self._tries += 1
        return self.asked

    def denied(self, peer: NodeId, now: float) -> None:
        """The one that was asked can't: ask the next one at once."""
        if peer == self.asked:
            self._tries = (
                -(-self._tries // _TIMES_EACH) * _TIMES_EACH if self._named is None else _TIMES_NAMED
            )
            self.next_try = now
            self.asked = None

    def _choose(self, successors: Sequence[NodeId]) -> NodeId | None:
        if self._named is not None:
            return self._named if self._tries < _TIMES_NAMED else None
        return successors[self._tries // _TIMES_EACH % len(successors)] if successors else None
