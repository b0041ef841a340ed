"""The events of one request on their way from the worker to whoever reads them."""

import asyncio
from collections import deque

from corral.engines.errors import EngineError
from corral.engines.events import Event, Finished, TextDelta, ToolCallDelta


class _WaitingText:
    """Text of one choice that nobody has read yet; more of the same kind joins it."""

    __slots__ = ("index", "parts", "reasoning")

    def __init__(self, delta: TextDelta) -> None:
        self.index = delta.index
        self.reasoning = delta.reasoning
        self.parts = [delta.text]

    def joined(self) -> TextDelta:
        return TextDelta(index=self.index, text="".join(self.parts), reasoning=self.reasoning)


class EventStream:
    """A queue with one reader. A slow reader gets longer deltas instead of more of them, so memory stays bounded.

    Deltas with logprobs are never joined; the answer's own length bounds them.
    """

    __slots__ = ("_error", "_events", "_tails", "_waiter")

    def __init__(self) -> None:
        self._events: deque[Event | _WaitingText] = deque()
        self._tails: dict[int, _WaitingText] = {}  # choice → its last waiting event, while that is text
        self._error: EngineError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        """Add an event; wakes the reader."""
        if not self._events:
            self._events.append(event)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
            return
        if type(event) is TextDelta and not event.logprobs:
            self._put_text(event)
            return
        if isinstance(event, TextDelta | ToolCallDelta | Finished):
            self._tails.pop(event.index, None)
        self._events.append(event)

    def fail(self, error: EngineError) -> None:
        """End the stream with an error, after what has been put already."""
        self._error = error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Event:
        """The next event. Raises the error of `fail`."""
        while not self._events:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        event = self._events.popleft()
        if not isinstance(event, _WaitingText):
            return event
        if self._tails.get(event.index) is event:
            del self._tails[event.index]
        return event.joined()

    @property
    def waiting(self) -> int:
        """Events that nobody has read yet."""
        return len(self._events)

    def _put_text(self, delta: TextDelta) -> None:
        tail = self._tails.get(delta.index)
        if tail is not None and tail.reasoning == delta.reasoning:
            tail.parts.append(delta.text)
            return
        tail = _WaitingText(delta)
        self._tails[delta.index] = tail
        self._events.append(tail)
