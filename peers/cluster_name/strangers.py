"""Who else answers to the cluster's name. Pure: `now` is in seconds of any one clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PATIENCE_S: Final = 3.0  # a member with a new address is known by then
FORGET_AFTER_S: Final = 60.0
MOST: Final = 16


@dataclass(slots=True)
class Strangers:
    """Addresses that were said for the name. Members' are no strangers, as soon as they are known to be members'."""

    _heard: dict[str, tuple[float, float]] = field(default_factory=dict)  # address → first and last time

    def __bool__(self) -> bool:
        """Whether there is anybody to judge."""
        return bool(self._heard)

    def hear(self, address: str, now: float) -> None:
        """Someone said this address for the name."""
        first, _ = self._heard.get(address, (now, now))
        self._heard[address] = first, now
        if len(self._heard) > MOST:
            del self._heard[min(self._heard, key=lambda each: self._heard[each][1])]

    def clear(self) -> None:
        """The name is another one now."""
        self._heard.clear()

    def judge(self, is_friend: Callable[[str], bool], now: float) -> tuple[str, ...]:
        """The addresses of strangers that were there for a while and still are, sorted."""
        self._heard = {
            address: (first, last)
            for address, (first, last) in self._heard.items()
            if now - last <= FORGET_AFTER_S and not is_friend(address)
        }
        return tuple(sorted(each for each, (first, _) in self._heard.items() if now - first >= PATIENCE_S))
