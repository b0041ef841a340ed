"""The cards that a node knows: llama.cpp's word, asked once, with the driver's numbers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from corral.engines.accelerators import Accelerators, updated
from corral.engines.devices import Gpu
from corral.engines.llama.build import Build, BuildUnknown

GIB = 2**30
CARD = Gpu(index=0, name="RTX 4090", total_bytes=24 * GIB, free_bytes=23 * GIB, bus_id="0000:01:00.0")
OTHER = replace(CARD, index=1, bus_id="0000:02:00.0")
AMD = Gpu(index=0, name="RX 7900", total_bytes=24 * GIB, free_bytes=22 * GIB, bus_id="0000:03:00.0")
METAL = Gpu(index=0, name="M4", total_bytes=24 * GIB, free_bytes=24 * GIB, shares_main_memory=True)


def now(card: Gpu, free: int) -> Gpu:
    """As NVIDIA's driver says it, which numbers cards in its own way."""
    return replace(card, index=5, free_bytes=free, driver="570")


def built(*cards: Gpu) -> Callable[[], Build]:
    return lambda: Build(version="1", features=frozenset(), cards=cards)


@pytest.mark.parametrize(
    ("usable", "fresh", "expected"),
    [
        ((CARD,), (now(CARD, 5),), (replace(CARD, free_bytes=5, driver="570"),)),
        ((OTHER,), (now(CARD, 5), now(OTHER, 6)), (replace(OTHER, free_bytes=6, driver="570"),)),
        ((AMD,), (now(CARD, 5),), (AMD,)),
        ((METAL,), (), (METAL,)),
        ((CARD,), (), (CARD,)),
    ],
)
def test_the_driver_says_what_is_free_now(
    usable: tuple[Gpu, ...], fresh: tuple[Gpu, ...], expected: tuple[Gpu, ...]
) -> None:
    assert updated(usable, fresh) == expected


def test_a_card_that_llama_cpp_was_not_built_for_counts_for_nothing() -> None:
    cards = Accelerators(worth_asking=lambda: True, ask=built(), fresh=lambda: [now(CARD, 5)])
    assert (cards(), cards.known()) == ((), ())


def test_it_asks_llama_cpp_once() -> None:
    asked: list[int] = []

    def ask() -> Build:
        asked.append(1)
        return built(CARD)()

    cards = Accelerators(worth_asking=lambda: True, ask=ask, fresh=lambda: [now(CARD, 5 * len(asked))])
    assert cards.known() == ()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: cards(), range(8)))
    assert found == [(replace(CARD, free_bytes=5, driver="570"),)] * 8
    assert (cards.known(), asked) == ((CARD,), [1])


def test_without_a_card_nobody_is_asked() -> None:
    def ask() -> Build:
        raise AssertionError("nobody is to be asked")

    assert Accelerators(worth_asking=lambda: False, ask=ask)() == ()


def test_a_llama_cpp_that_does_not_start_has_no_cards() -> None:
    def ask() -> Build:
        raise BuildUnknown("it crashed")

    assert Accelerators(worth_asking=lambda: True, ask=ask)() == ()
