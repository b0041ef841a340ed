"""Who has to go to make room."""

from dataclasses import replace
from pathlib import Path

import pytest

from corral.engines.errors import InsufficientMemory
from corral.engines.eviction import (
    Resident,
    SlotId,
    Unload,
    Wait,
    allowance,
    idle_too_long,
    in_the_way,
    make_room,
)
from corral.engines.limits import PoolLimits

FREE = PoolLimits()


def resident(name: str, size: int, used: float, *, busy: bool = False) -> Resident:
    return Resident(id=SlotId(Path(name)), memory_bytes=size, last_used_at=used, busy=busy)


def unload(*names: str) -> Unload:
    return Unload(tuple(SlotId(Path(name)) for name in names))


OLD, NEW, BUSY = resident("old", 4, 1), resident("new", 4, 2), resident("busy", 4, 0, busy=True)


@pytest.mark.parametrize(
    ("needed", "free", "residents", "limits", "verdict"),
    [
        (5, 5, [], FREE, unload()),
        (5, 5, [OLD, BUSY], FREE, unload()),
        (6, 5, [NEW, OLD], FREE, unload("old")),
        (10, 5, [NEW, OLD, BUSY], FREE, unload("old", "new")),
        (14, 5, [NEW, OLD, BUSY], FREE, Wait()),
        (5, 1, [BUSY], FREE, Wait()),
        (1, 99, [NEW, OLD], PoolLimits(max_loaded=3), unload()),
        (1, 99, [NEW, OLD], PoolLimits(max_loaded=2), unload("old")),
        (1, 99, [NEW, OLD, BUSY], PoolLimits(max_loaded=2), unload("old", "new")),
        (1, 99, [NEW, OLD, BUSY], PoolLimits(max_loaded=1), Wait()),
        (5, 99, [NEW, OLD], PoolLimits(max_memory_bytes=13), unload()),
        (5, 99, [NEW, OLD], PoolLimits(max_memory_bytes=12), unload("old")),
        (5, 99, [NEW, OLD, BUSY], PoolLimits(max_memory_bytes=9), unload("old", "new")),
        (5, 99, [NEW, OLD, BUSY], PoolLimits(max_memory_bytes=8), Wait()),
    ],
)
def test_idle_models_go_the_least_recently_used_first(
    needed: int, free: int, residents: list[Resident], limits: PoolLimits, verdict: Unload | Wait
) -> None:
    assert make_room(needed_bytes=needed, free_bytes=free, residents=residents, limits=limits) == verdict


@pytest.mark.parametrize(
    ("limits", "available"),
    [(FREE, 13), (PoolLimits(max_memory_bytes=12), 12), (PoolLimits(max_loaded=9), 13)],
)
def test_what_never_fits_is_said_with_both_numbers(limits: PoolLimits, available: int) -> None:
    with pytest.raises(InsufficientMemory, match=f"needs 14 bytes of memory, and at most {available} bytes"):
        make_room(needed_bytes=14, free_bytes=5, residents=[OLD, BUSY], limits=limits)


def on_card(name: str, size: int, used: float, *, busy: bool = False) -> Resident:
    return replace(resident(name, size + 1, used, busy=busy), gpu_memory_bytes=size)


CARD_OLD, CARD_NEW, CARD_BUSY = on_card("old", 4, 1), on_card("new", 4, 2), on_card("busy", 4, 0, busy=True)


@pytest.mark.parametrize(
    ("needed", "free", "residents", "gone"),
    [
        (5, 5, [CARD_OLD], ()),
        (6, 5, [CARD_NEW, CARD_OLD], ("old",)),
        (10, 5, [CARD_NEW, CARD_OLD], ("old", "new")),
        (6, 5, [OLD, CARD_NEW], ("new",)),  # what is in main memory is not in the way
        (6, 5, [OLD], ()),
        (10, 5, [CARD_OLD, CARD_BUSY], ()),  # busy ones stay, so nobody has to go in vain
        (21, 5, [CARD_OLD, CARD_NEW], ()),  # it never fits
    ],
)
def test_who_is_in_the_way_on_the_card(
    needed: int, free: int, residents: list[Resident], gone: tuple[str, ...]
) -> None:
    found = in_the_way(needed_bytes=needed, free_bytes=free, total_bytes=20, residents=residents)
    assert found == tuple(SlotId(Path(name)) for name in gone)


@pytest.mark.parametrize(("limit", "left"), [(None, None), (20, 12), (8, 0), (1, 0)])
def test_the_limit_leaves_an_allowance(limit: int | None, left: int | None) -> None:
    assert allowance([OLD, BUSY], PoolLimits(max_memory_bytes=limit)) == left


@pytest.mark.parametrize(
    ("now", "timeout", "gone"),
    [(10, 9, ("old",)), (10, 8, ("old", "new")), (10, 10, ()), (10**9, None, ()), (10**9, 0, ())],
)
def test_models_that_nobody_uses_go(now: float, timeout: float | None, gone: tuple[str, ...]) -> None:
    found = idle_too_long([OLD, NEW, BUSY], now=now, idle_timeout_s=timeout)
    assert found == unload(*gone).ids
