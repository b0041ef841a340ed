"""How an endpoint stands to answer for a model now, as it says itself: plain facts for choosing."""

from collections.abc import Collection
from dataclasses import dataclass

from corral.app.gateway.pace import UNKNOWN, Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The computer behind an endpoint. Per cent; of several graphics cards the mean."""

    online: bool = True
    local: bool = False  # this machine
    cpu_percent: float = 0.0
    memory_percent: float = 0.0
    gpu_percent: float = 0.0
    gpu_memory_percent: float = 0.0
    read_at: float | None = None  # Unix time of the numbers above; None: never
    on_battery: bool = False
    in_use: bool = False  # by its owner
    weight: float = 1.0  # as people set it: 2 is asked as if it were twice as fast


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a machine says of one of its models, besides that it has it."""

    active: int = 0  # requests there that did not come from this node
    pace: Pace = UNKNOWN
    prefixes: Collection[bytes] = ()  # fingerprints of beginnings of prompts that it served


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model at one endpoint."""

    machine: Machine = Machine()
    loaded: float = 1.0  # how far: 0 on disk, 1 ready to answer
    broken: bool = False  # it could not be loaded lately
    size_bytes: int = 0
    active: int = 0  # as Reported has it, like the two below
    pace: Pace = UNKNOWN
    prefixes: Collection[bytes] = ()


NOTHING_KNOWN = Standing()
_HERE = Machine(local=True)
_NOTHING = Reported()


def this_machine() -> Machine:
    """As long as its load is not known."""
    return _HERE


def nothing_reported(_model: str) -> Reported:
    """Of a model that says nothing about itself."""
    return _NOTHING
