"""A queue that is fair between its clients: who has the fewest requests running goes first. Pure."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Generic, NewType, TypeVar

Item = TypeVar("Item")

ClientKey = NewType("ClientKey", str)  # id of an API key or user, else an address

REMEMBERED_CLIENTS = 4096  # whose last turn is known; who is forgotten counts as served longest ago


class FairQueue(Generic[Item]):
    """Waiting items of several clients. The order within a client is that of their coming."""

    def __init__(self, *, remembered: int = REMEMBERED_CLIENTS) -> None:
        self._waiting: dict[ClientKey, deque[Item]] = {}
        self._turns: OrderedDict[ClientKey, int] = OrderedDict()  # the last turn of each, oldest first
        self._turn = 0
        self._count = 0
        self._remembered = remembered

    def __len__(self) -> int:
        return self._count

    @property
    def clients(self) -> int:
        """How many have something waiting."""
        return len(self._waiting)

    def add(self, client: ClientKey, item: Item) -> None:
        """Put an item behind those of its client."""
        self._waiting.setdefault(client, deque()).append(item)
        self._count += 1

    def remove(self, client: ClientKey, item: Item) -> bool:
        """Take an item out, wherever it stands; False if it isn't there."""
        items = self._waiting.get(client)
        if items is None or item not in items:
            return False
        items.remove(item)
        self._forget_if_empty(client, items)
        return True

    def take_next(self, running: Mapping[ClientKey, int]) -> tuple[ClientKey, Item] | None:
        """Whose turn it is: fewest running, then served longest ago, then first come. None if nobody waits."""
        if not self._waiting:
            return None
        client = min(self._waiting, key=lambda each: (running.get(each, 0), self._turns.get(each, 0)))
        items = self._waiting[client]
        item = items.popleft()
        self._forget_if_empty(client, items)
        self.served(client)
        return client, item

    def served(self, client: ClientKey) -> None:
        """A client had its turn, also without waiting."""
        self._turn += 1
        self._turns[client] = self._turn
        self._turns.move_to_end(client)
        if len(self._turns) > self._remembered:
            self._turns.popitem(last=False)

    def _forget_if_empty(self, client: ClientKey, items: deque[Item]) -> None:
        self._count -= 1
        if not items:
            del self._waiting[client]
