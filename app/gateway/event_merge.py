"""The events of one answer, gathered in the background: all that wait are handed over at once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec import structs

from corral.engines.events import Done, Event, Finished, Started, TextDelta, ToolCallDelta

MAX_WAITING = 64  # then the source has to wait, and joins its text


class EventMerge:
    """Reads one or more streams of events as one, their choices in a row; Started comes when all have started."""

    def __init__(self, sources: Sequence[AsyncGenerator[Event, None]], *, choices_each: int = 1) -> None:
        self._sources = sources
        self._choices_each = choices_each
        self._waiting: list[Event] = []
        self._started: list[Started] = []
        self._done: list[Done] = []
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None  # what the reader waits for
        self._room = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Begin to read. From now on `aclose` is needed."""
        self._tasks = [
            asyncio.create_task(self._read(source, number * self._choices_each), name="answer")
            for number, source in enumerate(self._sources)
        ]

    async def aclose(self) -> None:
        """Cancel what isn't finished yet, and wait for it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def take(self, *, timeout_s: float | None = None) -> list[Event]:
        """All waiting events, at least one; none after `timeout_s`. Ask no more after Done.

        Raises the error of a source, once what came before it has been taken.
        """
        if not self._waiting and self._error is None:
            await self._wait(timeout_s)
        if self._waiting:
            taken, self._waiting = self._waiting, []
            self._room.set()
            return taken
        if self._error is not None:
            raise self._error
        return []

    async def _wait(self, timeout_s: float | None) -> None:
        """Return when something came or the time is over. By hand: this runs for every token."""
        loop = asyncio.get_running_loop()
        self._reader = loop.create_future()
        timer = None if timeout_s is None else loop.call_later(timeout_s, self._wake)
        try:
            await self._reader
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def _read(self, source: AsyncGenerator[Event, None], first_choice: int) -> None:
        try:
            async with aclosing(source):
                async for event in source:
                    self._put(event, first_choice)
                    if len(self._waiting) >= MAX_WAITING:
                        self._room.clear()
                        await self._room.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has to hear of it
            self._error = self._error or error
            self._wake()

    def _put(self, event: Event, first_choice: int) -> None:
        if type(event) is Started:
            self._started.append(event)
            if len(self._started) < len(self._sources):
                return
            event = _all_started(self._started)
        elif type(event) is Done:
            self._done.append(event)
            if len(self._done) < len(self._sources):
                return
            event = _all_done(self._done)
        elif first_choice and isinstance(event, TextDelta | ToolCallDelta | Finished):
            event = structs.replace(event, index=event.index + first_choice)
        self._waiting.append(event)
        self._wake()


def _all_started(parts: Sequence[Started]) -> Started:
    return Started(
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        cached_tokens=sum(part.cached_tokens for part in parts),
    )


def _all_done(parts: Sequence[Done]) -> Done:
    if len(parts) == 1:
        return parts[0]
    return Done(
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        completion_tokens=sum(part.completion_tokens for part in parts),
        cached_tokens=sum(part.cached_tokens for part in parts),
        reasoning_tokens=sum(part.reasoning_tokens for part in parts),
    )
