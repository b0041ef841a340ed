"""Named long-lived tasks: restarted with backoff when they fail, their last error kept for people to see."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import structlog

_LOG = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
HEALTHY_AFTER_S = 60.0  # a run that lasted so long makes earlier failures forgotten

Run = Callable[[], Awaitable[None]]


class Clock(Protocol):
    """Time as the supervisor sees it, in seconds."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The real one."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class TaskState(StrEnum):
    """What a supervised task is doing."""

    RUNNING = "running"
    WAITING = "waiting"  # failed, will be started again
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A supervised task at this moment."""

    name: str
    state: TaskState = TaskState.RUNNING
    failures: int = 0  # in a row
    last_error: str | None = None
    failed_at: float | None = None  # of the clock


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 16)))


class Supervisor:
    """Starts tasks, restarts them, and ends them all at `stop`."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._status: dict[str, TaskStatus] = {}

    def start(self, name: str, run: Run) -> None:
        """Keep `run` running under a name of its own; it ends when it returns."""
        assert name not in self._tasks, f"two tasks are called {name}"
        self._status[name] = TaskStatus(name=name)
        self._tasks[name] = asyncio.create_task(self._supervise(name, run), name=name)

    def every(self, interval_s: float, name: str, job: Run) -> None:
        """Run `job` again and again, with a pause before each; after a failure the pause is the backoff's."""

        async def repeat() -> None:
            while True:
                await self._clock.sleep(interval_s)
                await job()
                self._status[name] = replace(self._status[name], failures=0)

        self.start(name, repeat)

    def statuses(self) -> tuple[TaskStatus, ...]:
        """Every task, in the order they were started."""
        return tuple(self._status.values())

    async def stop(self) -> None:
        """Cancel every task, the latest first, and wait for each."""
        for task in reversed(self._tasks.values()):
            task.cancel()
            await asyncio.wait([task])

    async def _supervise(self, name: str, run: Run) -> None:
        while True:
            started = self._clock.now()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - whatever it is, the task must run again
                _LOG.exception("task failed", task=name)
                failures = self._failed(name, error, lasted_s=self._clock.now() - started)
            else:
                self._set(name, TaskState.ENDED)
                return
            await self._clock.sleep(pause_s(failures))
            self._set(name, TaskState.RUNNING)

    def _failed(self, name: str, error: Exception, *, lasted_s: float) -> int:
        before = 0 if lasted_s >= HEALTHY_AFTER_S else self._status[name].failures
        self._status[name] = TaskStatus(
            name=name,
            state=TaskState.WAITING,
            failures=before + 1,
            last_error=f"{type(error).__name__}: {error}",
            failed_at=self._clock.now(),
        )
        return before + 1

    def _set(self, name: str, state: TaskState) -> None:
        self._status[name] = replace(self._status[name], state=state)
