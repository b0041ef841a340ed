"""Supervised tasks restart with backoff and keep their last error."""

import asyncio

import pytest

from corral.app.supervisor import HEALTHY_AFTER_S, Supervisor, TaskState, TaskStatus, pause_s


class ManualClock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.time = 0.0
        self._slept = asyncio.Condition()
        self.sleeps: list[float] = []
        self._wake = asyncio.Event()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        async with self._slept:
            self.sleeps.append(seconds)
            self._slept.notify_all()
        self._wake.clear()
        await self._wake.wait()

    async def asleep(self, times: int) -> None:
        """Until somebody has begun to sleep so many times."""
        async with asyncio.timeout(5), self._slept:
            await self._slept.wait_for(lambda: len(self.sleeps) >= times)

    def pass_by(self) -> None:
        """Whoever sleeps wakes up."""
        self.time += self.sleeps[-1]
        self._wake.set()


def only(supervisor: Supervisor) -> TaskStatus:
    [status] = supervisor.statuses()
    return status


@pytest.mark.parametrize(("failures", "pause"), [(1, 0.5), (2, 1.0), (3, 2.0), (8, 60.0), (5000, 60.0)])
def test_the_pause_doubles_up_to_a_minute(failures: int, pause: float) -> None:
    assert pause_s(failures) == pause


async def test_a_failing_task_starts_again_after_longer_and_longer_pauses() -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)

    async def fail() -> None:
        raise OSError(f"no luck at {clock.time}")

    supervisor.start("luckless", fail)
    for times in (1, 2, 3):
        await clock.asleep(times)
        clock.pass_by()
    await clock.asleep(4)
    assert clock.sleeps == [0.5, 1.0, 2.0, 4.0]
    assert only(supervisor) == TaskStatus(
        name="luckless",
        state=TaskState.WAITING,
        failures=4,
        last_error="OSError: no luck at 3.5",
        failed_at=3.5,
    )
    await supervisor.stop()


async def test_a_long_healthy_run_makes_earlier_failures_forgotten() -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)

    async def fail_late() -> None:
        clock.time += HEALTHY_AFTER_S
        raise OSError

    supervisor.start("late", fail_late)
    await clock.asleep(1)
    clock.pass_by()
    await clock.asleep(2)
    assert clock.sleeps == [0.5, 0.5]
    await supervisor.stop()


async def test_a_task_that_returns_has_ended() -> None:
    supervisor = Supervisor(clock=ManualClock())
    done = asyncio.Event()

    async def finish() -> None:
        done.set()

    supervisor.start("short", finish)
    await done.wait()
    await asyncio.sleep(0)
    assert only(supervisor) == TaskStatus(name="short", state=TaskState.ENDED)
    await supervisor.stop()


async def test_a_periodic_job_runs_after_each_pause_and_survives_a_failure() -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)
    ran: list[float] = []

    async def job() -> None:
        ran.append(clock.time)
        if len(ran) == 2:
            raise OSError("once")

    supervisor.every(10.0, "job", job)
    for times in (1, 2, 3, 4):
        await clock.asleep(times)
        clock.pass_by()
    await clock.asleep(5)
    assert clock.sleeps == [10.0, 10.0, 0.5, 10.0, 10.0]
    assert ran == [10.0, 20.0, 30.5]
    assert (only(supervisor).state, only(supervisor).failures) == (TaskState.RUNNING, 0)
    assert only(supervisor).last_error == "OSError: once"
    await supervisor.stop()


async def test_stop_ends_every_task() -> None:
    supervisor = Supervisor()
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    for name in ("a", "b"):
        supervisor.start(name, lambda name=name: wait(name))  # type: ignore[misc]
    await asyncio.sleep(0)
    await supervisor.stop()
    assert ended == ["b", "a"]
