"""When a second copy of a model pays: requests for it often wait, and a machine that could serve it too is idle. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corral.peers.ids import NodeId

LONG_WAIT_S = 5.0
SLOW_MINUTES = 3  # of the last MINUTES
MINUTES = 10
AGAIN_S = 3600.0  # the same copy is not tried more often
ROOM_FACTOR = 1.3  # memory that a model needs, in sizes of its files
IDLE_CPU_PERCENT = 50.0
_MOST_MODELS = 200
_MINUTE_S = 60.0

Pair = tuple[str, NodeId]  # a model, and the machine that should get it


class WaitLog:
    """The minutes in which requests waited long for a model; `now` in seconds."""

    def __init__(self) -> None:
        self._slow: dict[str, dict[int, None]] = {}

    def note(self, model: str, waited_s: float, now: float) -> None:
        """A request waited in the queue."""
        if waited_s <= LONG_WAIT_S:
            return
        minutes = self._slow.pop(model, {})
        minutes[int(now // _MINUTE_S)] = None
        self._slow[model] = minutes  # the latest comes last
        if len(self._slow) > _MOST_MODELS:
            del self._slow[next(iter(self._slow))]

    def slow_minutes(self, now: float) -> Mapping[str, int]:
        """Model → how many of the last MINUTES were slow; those without a slow one are left out."""
        first = int(now // _MINUTE_S) - MINUTES
        for model, minutes in list(self._slow.items()):
            self._slow[model] = {minute: None for minute in minutes if minute > first}
            if not self._slow[model]:
                del self._slow[model]
        return {model: len(minutes) for model, minutes in self._slow.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A machine of the cluster that is on."""

    node: NodeId
    active: int  # requests that it answers, or that wait there
    cpu_percent: float
    free_bytes: int  # main memory; 0: not known
    on_battery: bool = False
    in_use: bool = False  # by its owner

    @property
    def idle(self) -> bool:
        """Whether it could do more."""
        return not (self.active or self.on_battery or self.in_use) and self.cpu_percent < IDLE_CPU_PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A model that requests wait for."""

    model: str
    slow_minutes: int
    size_bytes: int
    on: frozenset[NodeId]  # the machines that have it


def second_copy(
    wanted: Sequence[Wanted], sites: Sequence[Site], *, tried: Mapping[Pair, float], now: float
) -> Pair | None:
    """The copy that pays most: of the model with most slow minutes, to the idle machine with most free memory.

    `tried`: when a copy was begun last, whatever came of it.
    """
    for each in sorted(wanted, key=lambda one: -one.slow_minutes):
        if each.slow_minutes < SLOW_MINUTES:
            break
        able = [
            site
            for site in sites
            if site.node not in each.on
            and site.idle
            and site.free_bytes >= ROOM_FACTOR * each.size_bytes
            and now - tried.get((each.model, site.node), float("-inf")) >= AGAIN_S
        ]
        if able:
            return each.model, max(able, key=lambda site: site.free_bytes).node
    return None
