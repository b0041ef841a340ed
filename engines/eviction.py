"""Which models to unload, and when. Pure: facts in, names out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from corral.engines.errors import InsufficientMemory
from corral.engines.limits import PoolLimits

SlotId = NewType("SlotId", Path)  # a model's first file


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A model that takes memory now, or has been promised some."""

    id: SlotId
    memory_bytes: int
    last_used_at: float
    busy: bool
    gpu_memory_bytes: int = 0  # of `memory_bytes`, on cards


@dataclass(frozen=True, slots=True)
class Unload:
    """Unload these, then load; nothing to unload if empty."""

    ids: tuple[SlotId, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Only busy models are in the way; there will be room when they are idle."""


def make_room(
    *, needed_bytes: int, free_bytes: int, residents: Sequence[Resident], limits: PoolLimits
) -> Unload | Wait:
    """How to get `needed_bytes`: idle models go, the least recently used first, busy ones never.

    Raises InsufficientMemory if it would not fit even with nothing else loaded.
    """
    idle = sorted((each for each in residents if not each.busy), key=lambda each: each.last_used_at)
    for count in range(len(idle) + 1):
        if _fits(needed_bytes, free_bytes, residents, idle[:count], limits):
            return Unload(tuple(each.id for each in idle[:count]))
    if _fits(needed_bytes, free_bytes, residents, residents, limits):
        return Wait()
    available = free_bytes + sum(each.memory_bytes for each in residents)
    if limits.max_memory_bytes is not None:
        available = min(available, limits.max_memory_bytes)
    raise InsufficientMemory(
        f"this model needs {needed_bytes} bytes of memory, and at most {available} bytes can be made available; "
        "use a smaller model or quantisation, or a shorter context"
    )


def in_the_way(
    *, needed_bytes: int, free_bytes: int, total_bytes: int, residents: Sequence[Resident]
) -> tuple[SlotId, ...]:
    """The idle models to unload so that all of another one can be on the cards, the least recently used first.

    None if it can be there already, or can't be there anyway; then it gets what is free, and main memory.
    """
    idle = [each for each in residents if not each.busy and each.gpu_memory_bytes > 0]
    idle.sort(key=lambda each: each.last_used_at)
    if needed_bytes > total_bytes:
        return ()
    for count in range(len(idle) + 1):
        if free_bytes + sum(each.gpu_memory_bytes for each in idle[:count]) >= needed_bytes:
            return tuple(each.id for each in idle[:count])
    return ()


def allowance(residents: Sequence[Resident], limits: PoolLimits) -> int | None:
    """The bytes that the limit leaves for one more model; None without a limit."""
    if limits.max_memory_bytes is None:
        return None
    return max(0, limits.max_memory_bytes - sum(each.memory_bytes for each in residents))


def idle_too_long(
    residents: Sequence[Resident], *, now: float, idle_timeout_s: float | None
) -> tuple[SlotId, ...]:
    """The models that nobody has used for `idle_timeout_s`; None or 0 keeps them for ever."""
    if not idle_timeout_s:
        return ()
    return tuple(each.id for each in residents if not each.busy and now - each.last_used_at >= idle_timeout_s)


def _fits(
    needed: int, free: int, residents: Sequence[Resident], gone: Sequence[Resident], limits: PoolLimits
) -> bool:
    given_back = sum(each.memory_bytes for each in gone)
    left = sum(each.memory_bytes for each in residents) - given_back
    if limits.max_loaded is not None and len(residents) - len(gone) + 1 > limits.max_loaded:
        return False
    if limits.max_memory_bytes is not None and left + needed > limits.max_memory_bytes:
        return False
    return free + given_back >= needed
