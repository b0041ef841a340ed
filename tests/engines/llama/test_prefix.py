"""Placement in the KV cache: plain data in, decision out."""

import numpy as np
import pytest

from corral.engines.llama.prefix import (
    WORTH_COPYING,
    CacheTraits,
    Ints,
    Placement,
    SlotView,
    common_prefix,
    place,
    reusable,
)

UNIFIED = CacheTraits(unified=True)
STREAMS = CacheTraits(unified=False)
RECURRENT = CacheTraits(unified=False, recurrent=True)


def ints(*values: int) -> Ints:
    return np.array(values, np.int32)


def run(count: int, *, start: int = 0) -> Ints:
    return np.arange(start, start + count, dtype=np.int32)


def slot(id: int, tokens: Ints, *, live: bool = False, used_at: int = 0, first_position: int = 0) -> SlotView:
    return SlotView(id=id, tokens=tokens, live=live, used_at=used_at, first_position=first_position)


EMPTY = ints()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (ints(), ints(1), 0),
        (ints(1, 2, 3), ints(1, 2, 4), 2),
        (ints(1, 2), ints(1, 2, 3), 2),
        (ints(5), ints(6), 0),
    ],
)
def test_common_prefix(left: Ints, right: Ints, expected: int) -> None:
    assert common_prefix(left, right) == expected


def test_one_token_is_always_left_to_evaluate() -> None:
    assert reusable(run(5), slot(0, run(5)), UNIFIED) == 4


def test_recurrent_state_is_continued_only_as_a_whole() -> None:
    assert reusable(run(9), slot(0, run(5)), RECURRENT) == 5
    assert reusable(run(5), slot(0, run(5)), RECURRENT) == 0
    assert reusable(run(9), slot(0, run(5), live=True), RECURRENT) == 0


@pytest.mark.parametrize(("first_position", "expected"), [(0, 50), (40, 50), (43, 0)])
def test_a_window_that_moved_on_is_not_reused(first_position: int, expected: int) -> None:
    windowed = CacheTraits(unified=True, sliding_window=8)
    prompt = np.concatenate([run(50), run(5, start=900)])
    assert reusable(prompt, slot(0, run(100), first_position=first_position), windowed) == expected


def test_a_live_full_cache_has_no_place() -> None:
    assert place(run(4), [slot(0, run(4), live=True)], UNIFIED) is None


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param(
            [slot(0, EMPTY), slot(1, EMPTY)], Placement(slot=0, source=None, reused=0), id="all empty"
        ),
        pytest.param(
            [slot(0, run(6)), slot(1, EMPTY)],
            Placement(slot=0, source=0, reused=6),
            id="continues a conversation",
        ),
        pytest.param(
            [slot(0, np.concatenate([run(6), run(3, start=99)])), slot(1, EMPTY)],
            Placement(slot=1, source=0, reused=6),
            id="forks, and the other conversation stays",
        ),
        pytest.param(
            [slot(0, run(6), live=True), slot(1, EMPTY)],
            Placement(slot=1, source=0, reused=6),
            id="takes a prefix from a live sequence",
        ),
        pytest.param(
            [slot(0, run(3, start=50), used_at=2), slot(1, run(3, start=70), used_at=1)],
            Placement(slot=1, source=None, reused=0),
            id="least recently used goes first",
        ),
    ],
)
def test_placement_in_a_unified_cache(slots: list[SlotView], expected: Placement) -> None:
    assert place(run(10), slots, UNIFIED) == expected


LONG = WORTH_COPYING * 4


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param(
            [slot(0, EMPTY), slot(1, run(6))],
            Placement(slot=1, source=1, reused=6),
            id="alone: stays in place",
        ),
        pytest.param(
            [slot(0, EMPTY, live=True), slot(1, EMPTY), slot(2, EMPTY), slot(3, run(6))],
            Placement(slot=1, source=None, reused=0),
            id="a short prefix is not worth leaving the neighbours",
        ),
        pytest.param(
            [slot(0, EMPTY, live=True), slot(1, EMPTY), slot(2, EMPTY), slot(3, run(LONG))],
            Placement(slot=3, source=3, reused=LONG),
            id="a long one is",
        ),
        pytest.param(
            [slot(0, run(LONG), live=True), slot(1, EMPTY)],
            Placement(slot=1, source=0, reused=LONG),
            id="copies a long prefix from a live stream",
        ),
        pytest.param(
            [slot(0, run(6), live=True), slot(1, EMPTY)],
            Placement(slot=1, source=None, reused=0),
            id="reads a short one again",
        ),
    ],
)
def test_placement_in_streams(slots: list[SlotView], expected: Placement) -> None:
    assert place(run(LONG + 10), slots, STREAMS) == expected
