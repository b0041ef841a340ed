"""The hybrid logical clock: stamps that order writes of all machines and never run far ahead of the wall clock.

After Kulkarni et al., "Logical Physical Clocks" (2014). A stamp is the text `<ms:013d>-<count:05d>-<node>`; the order of the texts
is the order of the stamps.
"""

import re
from dataclasses import dataclass
from typing import Final, NewType

from corral.peers.ids import NodeId

Stamp = NewType("Stamp", str)

DAY_MS: Final = 86_400_000
MADE_MS: Final = 1_767_225_600_000  # 2026: a clock that shows less lost its battery
_FORM = re.compile(r"[0-9]{13}-[0-9]{5}-[A-Za-z0-9_-]{1,64}")
_LAST_MS = 10**13 - 1
_LAST_COUNT = 10**5 - 1


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on both of this machine's clocks: the wall's for stamps, which may jump, and one for waiting, which doesn't."""

    wall_ms: int  # Unix time
    waited_s: float  # monotonic


def stamp_of(ms: int, count: int, node: NodeId) -> Stamp:
    """The stamp of these parts."""
    return Stamp(f"{ms:013d}-{count:05d}-{node}")


def is_stamp(text: str) -> bool:
    """Whether this has the form of a stamp."""
    return _FORM.fullmatch(text) is not None


def stamp_ms(stamp: Stamp) -> int:
    """Its Unix time in milliseconds."""
    return int(stamp[:13])


def horizon(wall_ms: int) -> Stamp:
    """The first stamp that is more than a day ahead of this time: a machine with a wrong clock made it."""
    return Stamp(f"{min(max(wall_ms, 0) + DAY_MS, _LAST_MS):013d}.")  # "." follows "-"


class HybridClock:
    """Makes stamps of one node, each above all that it made or witnessed, even when the wall clock jumps back."""

    def __init__(self, node: NodeId, last: Stamp | None = None) -> None:
        self._node = node
        self._ms = 0
        self._count = 0
        if last is not None:
            self.witness(last)

    @property
    def last(self) -> Stamp:
        """The highest stamp made or witnessed."""
        return stamp_of(self._ms, self._count, self._node)

    def tick(self, wall_ms: int) -> Stamp:
        """The next stamp."""
        wall = min(max(wall_ms, 0), _LAST_MS - DAY_MS)
        if wall > self._ms:
            self._ms, self._count = wall, 0
        elif self._count < _LAST_COUNT:
            self._count += 1
        else:
            self._ms, self._count = self._ms + 1, 0
        return self.last

    def witness(self, stamp: Stamp) -> None:
        """Count from here on if this is higher. Stamps from beyond the horizon must not get here."""
        ms, count, _ = stamp.split("-", 2)
        self._ms, self._count = max((self._ms, self._count), (int(ms), int(count)))

    def rewind(self, stamp: Stamp | None) -> None:
        """Start again from `stamp`: everything above it is going to be stamped anew."""
        self._ms = self._count = 0
        if stamp is not None:
            self.witness(stamp)
