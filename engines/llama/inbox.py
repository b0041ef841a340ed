"""How requests reach a loop that runs in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from corral.engines.engine import RequestId
from corral.engines.events import Event

Work = TypeVar("Work")


@dataclass(frozen=True, slots=True)
class Mail(Generic[Work]):
    """What arrived since the last look."""

    work: list[Work]
    settled: list[tuple[RequestId, Event]]  # events of requests that need no step
    cancelled: frozenset[RequestId]


class Inbox(Generic[Work]):
    """Thread-safe, unbounded: what may wait is bounded by the pool."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._work: list[Work] = []
        self._settled: list[tuple[RequestId, Event]] = []
        self._cancelled: set[RequestId] = set()
        self._closed = False

    def submit(self, work: Work) -> None:
        with self._changed:
            self._work.append(work)
            self._changed.notify()

    def settle(self, request_id: RequestId, events: Sequence[Event]) -> None:
        """A request that needs no step: it couldn't be prepared, or that answered it."""
        with self._changed:
            self._settled.extend((request_id, event) for event in events)
            self._changed.notify()

    def cancel(self, request_id: RequestId) -> None:
        with self._changed:
            self._cancelled.add(request_id)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, *, wait: bool, on_idle: Callable[[], None]) -> Mail[Work] | None:
        """Everything that arrived; with `wait`, blocks until there is something. None: closed."""
        with self._changed:
            if wait and not (self._work or self._settled or self._cancelled or self._closed):
                on_idle()
                self._changed.wait_for(lambda: self._work or self._settled or self._cancelled or self._closed)
            if self._closed:
                return None
            mail = Mail(self._work, self._settled, frozenset(self._cancelled))
            self._work, self._settled, self._cancelled = [], [], set()
            return mail
