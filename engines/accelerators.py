"""The graphics cards that models can be kept on, with their free memory: what llama.cpp says, brought up to date.

llama.cpp is asked once, in a process of its own: asking it takes hold of every card. What is free now NVIDIA's driver
says. For other cards it stays what was free at first; whoever loads takes off what loaded models have.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from corral.engines.cards import card_vendors
from corral.engines.devices import Gpu, nvidia_cards
from corral.engines.llama.build import Build, BuildUnknown, read_build

_LOG = structlog.get_logger(__name__)


def may_have_cards() -> bool:
    """Whether it is worth asking llama.cpp. False only on Linux without any card, on the bus or of NVIDIA's driver."""
    return not sys.platform.startswith("linux") or bool(card_vendors()) or bool(nvidia_cards())


class Accelerators:
    """Call it for the cards as they are now, from any thread. The first call takes seconds where there is a card."""

    def __init__(
        self,
        *,
        worth_asking: Callable[[], bool] = may_have_cards,
        ask: Callable[[], Build] = read_build,
        fresh: Callable[[], Sequence[Gpu]] = nvidia_cards,
    ) -> None:
        self._worth_asking = worth_asking
        self._ask = ask
        self._fresh = fresh
        self._lock = threading.Lock()
        self._usable: tuple[Gpu, ...] | None = None

    def __call__(self) -> tuple[Gpu, ...]:
        with self._lock:
            if self._usable is None:
                self._usable = self._find()
        if not self._usable:
            return ()
        return updated(self._usable, self._fresh())

    def known(self) -> tuple[Gpu, ...]:
        """The cards as they were found, without asking; none before the first call."""
        return self._usable or ()

    def _find(self) -> tuple[Gpu, ...]:
        if not self._worth_asking():
            return ()
        try:
            found = self._ask().cards
        except BuildUnknown as error:
            _LOG.warning("llama.cpp doesn't say which graphics cards it can use", why=str(error))
            return ()
        for card in found:
            _LOG.info("graphics card found", name=card.name, memory_bytes=card.total_bytes)
        return found


def updated(usable: Sequence[Gpu], fresh: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """`usable` with the free memory and the driver of the same cards in `fresh`, matched by their places on the bus."""
    now = {card.bus_id: card for card in fresh if card.bus_id}
    return tuple(
        replace(card, free_bytes=now[card.bus_id].free_bytes, driver=now[card.bus_id].driver)
        if card.bus_id in now and not card.shares_main_memory
        else card
        for card in usable
    )
