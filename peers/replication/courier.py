"""Carries letters to other members: one after another to each, questions apart from what is handed over."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from corral.peers.ids import NodeId

Send = Callable[[NodeId, bytes], Awaitable[bytes]]  # asks a member and brings its answer; raises if it can't

_LONGEST_S = 60.0  # a page may be 16 MiB, and the network slow
_PAUSE_S = 0.5  # after a question that failed
_MOST_WAITING = 64  # letters of one member; one that is so slow pulls instead
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to send to a member. A question's answer is waited for before the next question to it."""

    to: NodeId
    body: bytes
    question: bool


class Courier:
    """The letters on their way. `on_answer` and `on_failure` are awaited before the same member gets another one."""

    def __init__(
        self,
        *,
        send: Send,
        on_answer: Callable[[NodeId, bytes], Awaitable[None]],
        on_failure: Callable[[NodeId], Awaitable[None]],
    ) -> None:
        self._send = send
        self._on_answer = on_answer
        self._on_failure = on_failure
        self._waiting: dict[tuple[NodeId, bool], deque[Letter]] = {}
        self._tasks: dict[tuple[NodeId, bool], asyncio.Task[None]] = {}

    def take(self, letter: Letter) -> None:
        """Send it, now or when the ones before it are through. A newer question replaces one that waits."""
        lane = (letter.to, letter.question)
        waiting = self._waiting.setdefault(lane, deque())
        if letter.question or len(waiting) >= _MOST_WAITING:
            waiting.clear()
        waiting.append(letter)
        if lane not in self._tasks:
            self._tasks[lane] = asyncio.create_task(self._carry(lane), name=f"replication to {letter.to[:8]}")

    async def stop(self) -> None:
        """Drop everything that is on its way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _carry(self, lane: tuple[NodeId, bool]) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                await self._deliver(waiting.popleft(), waiting)
        finally:
            del self._tasks[lane], self._waiting[lane]

    async def _deliver(self, letter: Letter, waiting: deque[Letter]) -> None:
        try:
            async with asyncio.timeout(_LONGEST_S):
                answer = await self._send(letter.to, letter.body)
            await self._on_answer(letter.to, answer)
        except Exception as error:  # noqa: BLE001 - whatever the network or the member did wrong, go on with the next
            _LOG.debug("a member was not reached", peer=letter.to, error=f"{type(error).__name__}: {error}")
            waiting.clear()
        else:
            return
        if letter.question:
            await asyncio.sleep(_PAUSE_S)
            await self._on_failure(letter.to)
