"""The KV cache as slots: which sequence ids are live, what finished ones still hold, and moving prefixes between them.

In a shared cache every step passes over what finished sequences hold. So while others run, they go on a shelf in main memory.
"""

from dataclasses import dataclass, field

import numpy as np

from corral.engines.llama.native import Context, Ints
from corral.engines.llama.prefix import CacheTraits, Placement, SlotView, common_prefix, place
from corral.engines.llama.sequence import Sequence
from corral.engines.llama.shelf import Parked, Shelf

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

    def __init__(
        self, context: Context, *, count: int, traits: CacheTraits, most_cached: int, shelf: Shelf
    ) -> None:
        """`most_cached`: tokens of finished sequences that may stay in the cache while others run."""
        self._context = context
        self._traits = traits
        self._slots = [_Slot(id) for id in range(count)]
        self._most_cached = most_cached
        self._shelf = shelf
        self._clock = 0

    @property
    def cached_tokens(self) -> int:
        """Tokens of finished sequences that a new prompt could reuse."""
        return self._kept_tokens + self._shelf.tokens

    @property
    def _kept_tokens(self) -> int:
        return sum(len(slot.kept) for slot in self._slots if slot.owner is None)

    @property
    def free(self) -> int:
        return sum(slot.owner is None for slot in self._slots)

    def best_match(self, prompt: Ints) -> int:
        """The longest prefix of `prompt` that some slot or the shelf holds, evaluated."""
        held = max(common_prefix(prompt, slot.tokens) for slot in self._slots)
        return max(held, self._shelf.best_match(prompt))

    def admit(self, sequence: Sequence) -> bool:
        """Give a sequence a slot, with the longest reusable prefix already in it. False: every slot is live."""
        self._clock += 1
        if sequence.repeatable and self._traits.unified and self.free == len(self._slots):
            self._clear()
        views = [self._view(slot) for slot in self._slots]
        placement = place(sequence.known, views, self._traits, reuse=not sequence.repeatable)
        if placement is None:
            return False
        parked = None
        if not sequence.repeatable:
            parked = self._shelf.take(sequence.known, self._traits, beyond=placement.reused)
        if parked is not None:
            placement = place(sequence.known, views, self._traits, reuse=False) or placement
        target = self._slots[placement.slot]
        if placement.source != target.id:
            self._put_away(target)
        reused = self._bring(placement) if parked is None else self._fetch(target, *parked)
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

    def evict(self) -> bool:
        """Take the least recently used finished sequence out of the cache. False: there is none."""
        kept = [slot for slot in self._slots if slot.owner is None and len(slot.kept)]
        if not kept:
            return False
        self._put_away(min(kept, key=lambda slot: slot.used_at))
        return True

    def tidy(self) -> None:
        """Between steps: finished sequences make way for those that run, all but the latest also for those to come."""
        kept = [slot for slot in self._slots if slot.owner is None]
        spared = 0
        if len(kept) == len(self._slots):
            spared = len(max(kept, key=lambda slot: slot.used_at).kept)
        while self._kept_tokens > self._most_cached + spared and self.evict():
            pass

    def _put_away(self, slot: _Slot) -> None:
        """Empty a slot that no sequence uses; what it kept goes on the shelf if that is worth it."""
        others = [other.tokens for other in self._slots if other is not slot]
        if len(slot.kept) and self._shelf.wants(slot.kept, others):
            first = self._context.first_position(slot.id)
            self._shelf.put(Parked(tokens=slot.kept, state=self._context.save(slot.id), first_position=first))
        self._context.forget(slot.id)
        slot.kept = _EMPTY

    def _bring(self, placement: Placement) -> int:
        """Move the prefix that the rule chose into its slot; how many tokens are there then."""
        if placement.source is None:
            return 0
        target, source = placement.slot, placement.source
        if source != target:
            self._context.copy(source, target)
        return self._cut(target, len(self._slots[source].tokens), placement.reused)

    def _fetch(self, target: _Slot, parked: Parked, reused: int) -> int:
        """Give an empty slot what was put away; how many tokens are there then."""
        while not self._context.restore(target.id, parked.state):
            if not self.evict():
                return 0
        return self._cut(target.id, len(parked.tokens), reused)

    def _cut(self, slot: int, held: int, wanted: int) -> int:
        """Drop what lies behind the first `wanted` tokens; all of them if the model can't."""
        if wanted < held and not self._context.forget(slot, wanted):
            self._context.forget(slot)
            return 0
        return wanted

    def _clear(self) -> None:
        """So that a repeatable answer finds the same cells each time: shared cells of others change the rounding."""
        while self.evict():
            pass
        self._context.clear_memory()

    def _view(self, slot: _Slot) -> SlotView:
        windowed = self._traits.sliding_window > 0 and len(slot.tokens) > 0
        return SlotView(
            id=slot.id,
            tokens=slot.tokens,
            live=slot.owner is not None,
            used_at=slot.used_at,
            first_position=self._context.first_position(slot.id) if windowed else 0,
        )
