"""Finished sequences outside of the KV cache, in main memory: a new prompt can go on from them, and no step sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

from corral.engines.llama.native import Bytes, Ints
from corral.engines.llama.prefix import WORTH_COPYING, CacheTraits, SlotView, common_prefix, reusable

_NO_SLOT = -1
_WORTH_A_COPY = 8  # one in so many tokens must lack elsewhere


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parked:
    """One finished sequence: its tokens, and their KV as `Context.save` gives it."""

    tokens: Ints
    state: Bytes
    first_position: int = 0  # the lowest position still present (sliding windows move it up)


class Shelf:
    """Keeps at most so many bytes of KV; the least recently used go first."""

    def __init__(self, most_bytes: int) -> None:
        """0: it keeps nothing."""
        self._most_bytes = most_bytes
        self._parked: list[Parked] = []  # least recently used first

    @property
    def tokens(self) -> int:
        """How many tokens it holds."""
        return sum(len(parked.tokens) for parked in self._parked)

    def best_match(self, prompt: Ints) -> int:
        """The longest prefix of `prompt` that it holds."""
        return max((common_prefix(prompt, parked.tokens) for parked in self._parked), default=0)

    def wants(self, tokens: Ints, others: Sequence[Ints]) -> bool:
        """Whether keeping this sequence is worth the copy: not if little of it lacks here and in the `others`."""
        if self._most_bytes == 0:
            return False
        elsewhere = max((common_prefix(tokens, other) for other in others), default=0)
        lacking = len(tokens) - max(elsewhere, self.best_match(tokens))
        return lacking > max(WORTH_COPYING, len(tokens) // _WORTH_A_COPY)

    def put(self, parked: Parked) -> None:
        """Keep it, in place of what it continues; drop others for it."""
        if not 0 < len(parked.state) <= self._most_bytes:
            return
        self._parked = [each for each in self._parked if not _begins(each.tokens, parked.tokens)]
        self._parked.append(parked)
        while sum(len(each.state) for each in self._parked) > self._most_bytes:
            self._parked.pop(0)

    def take(self, prompt: Ints, traits: CacheTraits, *, beyond: int) -> tuple[Parked, int] | None:
        """The one that saves the most reading, with how many tokens; None if not clearly more than `beyond`.

        It leaves the shelf, unless others may want the rest of it.
        """
        best, most = None, beyond + WORTH_COPYING
        for parked in self._parked:
            view = SlotView(
                id=_NO_SLOT,
                tokens=parked.tokens,
                live=False,
                used_at=0,
                first_position=parked.first_position,
            )
            match = reusable(prompt, view, traits)
            if match > most:
                best, most = parked, match
        if best is None:
            return None
        self._parked.remove(best)
        if len(best.tokens) - most > WORTH_COPYING:
            self._parked.append(best)
        return best, most


def _begins(beginning: Ints, tokens: Ints) -> bool:
    return common_prefix(beginning, tokens) == len(beginning)
