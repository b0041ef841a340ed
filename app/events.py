"""What happens on this node, as it happens, for whoever watches: a ring of events that never makes the node wait."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RING = 1_000
MOST_WATCHERS = 200
BACK_S = 120.0  # who comes back within so long goes on where it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `private` events are for administrators."""

    number: int
    kind: str
    data: Mapping[str, Any]
    private: bool


class FellBehind(Exception):
    """A watcher was too slow: what it has not seen is gone. It has to begin anew."""


class TooManyWatchers(Exception):
    """No more can watch at the same time."""


class EventFeed:
    """Publishing costs the same however many watch; a watcher is nothing but a position in the ring."""

    def __init__(
        self,
        *,
        ring: int = RING,
        most_watchers: int = MOST_WATCHERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events: deque[Event] = deque(maxlen=ring)
        self._epoch = secrets.token_hex(4)
        self._last = 0
        self._more: asyncio.Future[None] | None = None  # what all watchers wait for
        self._watchers = 0
        self._watched = asyncio.Event()
        self._most_watchers = most_watchers
        self._clock = clock
        self._last_left: float | None = None
        self._closed = False

    @property
    def watchers(self) -> int:
        return self._watchers

    @property
    def last(self) -> int:
        """Number of the latest event."""
        return self._last

    @property
    def closed(self) -> bool:
        return self._closed

    def publish(self, kind: str, data: Mapping[str, Any], *, private: bool = True) -> None:
        """Tell everybody who watches."""
        self._last += 1
        self._events.append(Event(number=self._last, kind=kind, data=data, private=private))
        self._wake()

    @property
    def followed(self) -> bool:
        """Whether somebody watches, or did a moment ago and may come back."""
        return bool(self._watchers) or (
            self._last_left is not None and self._clock() - self._last_left < BACK_S
        )

    def leave_out(self) -> None:
        """Something happened that nobody follows: who comes back after it has to begin anew."""
        self._last += 1
        self._events.clear()

    def close(self) -> None:
        """End every watcher's stream."""
        self._closed = True
        self._wake()

    def id_of(self, number: int) -> str:
        """An event's id for `Last-Event-ID`. It means nothing to another run of the node."""
        return f"{self._epoch}-{number}"

    def position_of(self, id: str) -> int | None:
        """Where a watcher that saw the event `id` last goes on; None: it has to begin anew."""
        epoch, _, number = id.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()) or len(number) > 15:
            return None
        position = int(number)
        return position if self._oldest() - 1 <= position <= self._last else None

    def enter(self) -> None:
        """Count one more watcher; `leave` must follow. Raises TooManyWatchers."""
        if self._watchers >= self._most_watchers:
            raise TooManyWatchers
        self._watchers += 1
        self._watched.set()

    def leave(self) -> None:
        self._watchers -= 1
        self._last_left = self._clock()
        if not self._watchers:
            self._watched.clear()

    async def watched(self) -> None:
        """Returns when somebody watches."""
        await self._watched.wait()

    def after(self, position: int) -> list[Event]:
        """What happened after an event. Raises FellBehind."""
        missing = self._last - position
        if position < self._oldest() - 1:
            raise FellBehind
        return [] if missing <= 0 else [self._events[index] for index in range(-missing, 0)]

    async def wait(self, position: int, timeout_s: float) -> None:
        """Return when something happened after `position`, when the feed closes, or when the time is over."""
        if self._last > position or self._closed:
            return
        if self._more is None or self._more.done():
            self._more = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._more], timeout=timeout_s)

    def _oldest(self) -> int:
        return self._events[0].number if self._events else self._last + 1

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
