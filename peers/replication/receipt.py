"""Which local writes are on another machine too: answered once one live member stored them, or after 300 ms."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A write that is stored here, as the numbers above `after` and up to `upto` of the log."""

    after: int
    upto: int
    written_s: float  # of the clock that doesn't jump


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write. Not `replicated`: it is on this machine only, for now."""

    receipt: Receipt
    replicated: bool


class Receipts:
    """The writes whose outcome isn't known yet."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._waiting: list[Receipt] = []
        self._outcomes: list[Outcome] = []

    def wait_for(self, receipt: Receipt, live: Collection[object]) -> None:
        """Wait until a live member stored it; if there is none, there is nothing to wait for."""
        if live:
            self._waiting.append(receipt)
        else:
            self._outcomes.append(Outcome(receipt, replicated=False))

    def stored(self, *, after: int, upto: int) -> None:
        """Another member has these numbers of our log on its disk."""
        done = [each for each in self._waiting if after <= each.after and each.upto <= upto]
        self._waiting = [each for each in self._waiting if each not in done]
        self._outcomes += [Outcome(each, replicated=True) for each in done]

    def settled(self, now_s: float) -> tuple[Outcome, ...]:
        """The outcomes that became known since the last call."""
        late = [each for each in self._waiting if now_s - each.written_s >= self._patience_s]
        self._waiting = [each for each in self._waiting if each not in late]
        outcomes = (*self._outcomes, *(Outcome(each, replicated=False) for each in late))
        self._outcomes.clear()
        return outcomes
