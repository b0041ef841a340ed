"""Where a new prompt goes in the KV cache: the pure rule for prefix reuse and placement.

Two layouts exist. *Unified*: all sequences share one pool of cells; giving a prefix to another sequence costs nothing.
*Streams*: each sequence has cells of its own; a prefix is copied with its whole stream, and a decode call runs
one pass per run of neighbouring streams (llama.cpp batches consecutive ids only), so live streams stay together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

WORTH_COPYING = 32  # tokens: below that, reading them again is cheaper than copying a stream


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """One sequence slot as the rule sees it."""

    id: int
    tokens: Ints  # whose KV the slot holds
    live: bool  # a request uses it now
    used_at: int  # step number of its last use
    first_position: int = 0  # lowest position still present (sliding windows move it up)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTraits:
    """What the model's memory can do."""

    unified: bool
    recurrent: bool = False  # state can't be cut back: only whole contents can be continued
    sliding_window: int = 0  # tokens; 0 = none


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Use slot `slot`; its first `reused` tokens come from slot `source` (the same slot: kept in place)."""

    slot: int
    source: int | None
    reused: int


def common_prefix(left: Ints, right: Ints) -> int:
    """How many leading tokens are equal."""
    size = min(len(left), len(right))
    if size == 0 or left[0] != right[0]:
        return 0
    differing = np.flatnonzero(left[:size] != right[:size])
    return int(differing[0]) if len(differing) else size


def reusable(prompt: Ints, slot: SlotView, traits: CacheTraits) -> int:
    """How many of the slot's tokens `prompt` can start from. At least one token is always left to evaluate."""
    match = min(common_prefix(prompt, slot.tokens), len(prompt) - 1)
    if match == len(slot.tokens) and not slot.live:
        return match
    if traits.recurrent:
        return 0
    if slot.first_position > max(0, match - traits.sliding_window):
        return 0  # the window that these tokens attend to is gone
    return match


def place(
    prompt: Ints, slots: Sequence[SlotView], traits: CacheTraits, *, reuse: bool = True
) -> Placement | None:
    """Choose a slot for a prompt; None if every slot is live. Without `reuse` it starts from nothing."""
    idle = [slot for slot in slots if not slot.live]
    if not idle:
        return None
    best, reused = _best_source(prompt, slots, traits) if reuse else (None, 0)
    if traits.unified or traits.recurrent:
        target = _target_unified(idle, best, reused)
    else:
        target = _target_stream(idle, slots, best, reused)
        if best is not None and best.id != target.id and reused < WORTH_COPYING:
            best, reused = target, reusable(prompt, target, traits)
    if traits.recurrent and best is not None and best.id != target.id:
        best, reused = None, 0
    if best is None or reused == 0:
        return Placement(slot=target.id, source=None, reused=0)
    return Placement(slot=target.id, source=best.id, reused=reused)


def _best_source(prompt: Ints, slots: Sequence[SlotView], traits: CacheTraits) -> tuple[SlotView | None, int]:
    best, reused = None, 0
    for slot in slots:
        match = reusable(prompt, slot, traits)
        if match > reused or (match == reused > 0 and best is not None and best.live and not slot.live):
            best, reused = slot, match
    return best, reused


def _target_unified(idle: Sequence[SlotView], best: SlotView | None, reused: int) -> SlotView:
    """Continue a finished slot in place if the prompt extends it; else take an empty slot, else the least recent."""
    if best is not None and not best.live and reused == len(best.tokens):
        return best
    return min(idle, key=lambda slot: (len(slot.tokens) > 0, slot is best, slot.used_at, slot.id))


def _target_stream(
    idle: Sequence[SlotView], slots: Sequence[SlotView], best: SlotView | None, reused: int
) -> SlotView:
    """Stay in place if much is kept; else next to the live streams, preferring empty, then least recent ones."""
    live = {slot.id for slot in slots if slot.live}
    if (
        best is not None
        and not best.live
        and reused >= len(best.tokens) // 2
        and (reused >= WORTH_COPYING or not live)
    ):
        return best

    def cost(slot: SlotView) -> tuple[bool, bool, bool, int, int]:
        apart = bool(live) and slot.id - 1 not in live and slot.id + 1 not in live
        return (apart, slot is best, len(slot.tokens) > 0, slot.used_at, slot.id)

    return min(idle, key=cost)
