"""The KV cache as slots: which sequence ids are live, what finished ones still hold, and moving prefixes between them."""

from dataclasses import dataclass, field

import numpy as np

from corral.engines.llama.native import Context, Ints
from corral.engines.llama.prefix import CacheTraits, SlotView, common_prefix, place
from corral.engines.llama.sequence import Sequence

_EMPTY = np.empty(0, np.int32)


@dataclass(slots=True)
class _Slot:
    id: int
    owner: Sequence | None = None
    kept: Ints = field(default_factory=lambda: _EMPTY)  # tokens of the finished sequence it holds
    used_at: int = 0

    @property
    def tokens(self) -> Ints:
        return self.kept if self.owner is None else self.owner.tokens[: self.owner.evaluated]


class SlotTable:
    """Owns the sequence ids 0..count-1 of a context and keeps llama.cpp's cache in step with them."""

    def __init__(self, context: Context, *, count: int, traits: CacheTraits, most_cached: int) -> None:
        """`most_cached`: tokens of finished sequences that may stay; in a shared cache they slow every step down."""
        self._context = context
        self._traits = traits
        self._slots = [_Slot(id) for id in range(count)]
        self._most_cached = most_cached
        self._clock = 0

    @property
    def cached_tokens(self) -> int:
        """Tokens of finished sequences that a new prompt could reuse."""
        return sum(len(slot.kept) for slot in self._slots if slot.owner is None)

    @property
    def free(self) -> int:
        return sum(slot.owner is None for slot in self._slots)

    def best_match(self, prompt: Ints) -> int:
        """The longest prefix of `prompt` that some slot holds, evaluated."""
        return max(common_prefix(prompt, slot.tokens) for slot in self._slots)

    def admit(self, sequence: Sequence) -> bool:
        """Give a sequence a slot, with the longest reusable prefix already in it. False: every slot is live."""
        self._clock += 1
        if sequence.repeatable and self._traits.unified and self.free == len(self._slots):
            self._forget_all()
        views = [self._view(slot) for slot in self._slots]
        placement = place(sequence.known, views, self._traits, reuse=not sequence.repeatable)
        if placement is None:
            return False
        target = self._slots[placement.slot]
        reused = placement.reused
        if placement.source is None:
            self._context.forget(target.id)
        else:
            held = len(self._slots[placement.source].tokens)
            if placement.source != target.id:
                self._context.forget(target.id)
                self._context.copy(placement.source, target.id)
            if reused < held and not self._context.forget(target.id, reused):
                self._context.forget(target.id)
                reused = 0
        target.owner, target.kept, target.used_at = sequence, _EMPTY, self._clock
        sequence.slot, sequence.evaluated = target.id, reused
        return True

    def release(self, sequence: Sequence) -> None:
        """The sequence is over: its slot keeps what was evaluated, for reuse."""
        if sequence.slot is None:
            return
        self._clock += 1
        slot = self._slots[sequence.slot]
        slot.kept = sequence.tokens[: sequence.evaluated].copy()
        slot.owner, slot.used_at = None, self._clock
        sequence.slot = None
        while self.cached_tokens > self._most_cached and self.evict():
            pass

    def evict(self) -> bool:
        """Drop the least recently used finished sequence. False: there is none."""
        kept = [slot for slot in self._slots if slot.owner is None and len(slot.kept)]
        if not kept:
            return False
        oldest = min(kept, key=lambda slot: slot.used_at)
        self._context.forget(oldest.id)
        oldest.kept = _EMPTY
        return True

    def _forget_all(self) -> None:
        """So that a repeatable answer finds the same cells each time: shared cells of others change the rounding."""
        self._context.clear_memory()
        for slot in self._slots:
            slot.kept = _EMPTY

    def _view(self, slot: _Slot) -> SlotView:
        windowed = self._traits.sliding_window > 0 and len(slot.tokens) > 0
        return SlotView(
            id=slot.id,
            tokens=slot.tokens,
            live=slot.owner is not None,
            used_at=slot.used_at,
            first_position=self._context.first_position(slot.id) if windowed else 0,
        )
