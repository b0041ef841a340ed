"""Pools of echo models, and looking into them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from corral.engines.devices import Devices, Gpu, Memory
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.model import Lifecycle, ModelStatus
from corral.engines.pool import ModelPool
from tests.engines.echo_files import chat, text_of
from tests.engines.waiting import until

WORDS = "one two three four five six seven eight nine ten " * 100
GIB = 2**30
QUICK = PoolLimits(sweep_interval_s=0.01, restart_backoff_s=0.01)


class FakeClock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def machine(gib: int, card_gib: int = 0) -> Callable[[], Devices]:
    """A machine with so much free memory, whatever is loaded, and so much on a graphics card."""
    memory = Memory(total_bytes=gib * GIB, available_bytes=gib * GIB)
    card = Gpu(index=0, name="card", total_bytes=card_gib * GIB, free_bytes=card_gib * GIB)
    return lambda: Devices(cores=1, memory=memory, gpus=(card,) if card_gib else ())


@asynccontextmanager
async def running(
    folder: Path,
    limits: PoolLimits = QUICK,
    *,
    gib: int = 64,
    card_gib: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[ModelPool]:
    pool = ModelPool(
        library=Library(folder=folder),
        engines=(EchoEngine(),),
        limits=limits,
        devices=machine(gib, card_gib),
        clock=clock,
    )
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


def status(pool: ModelPool, name: str) -> ModelStatus:
    (found,) = (each for each in pool.models() if each.file.name == name)
    return found


def lifecycle(pool: ModelPool, name: str) -> Lifecycle:
    return status(pool, name).lifecycle


def workers() -> list[int]:
    return [child.pid for child in psutil.Process().children()]


def asking(pool: ModelPool, name: str, text: str = WORDS) -> asyncio.Task[str]:
    return asyncio.create_task(text_of(pool.answer(name, chat(text))))


async def busy(pool: ModelPool, name: str) -> asyncio.Task[str]:
    """A request that has begun to be answered."""
    task = asking(pool, name)
    await until(lambda: lifecycle(pool, name) is Lifecycle.LOADED, f"{name} is loaded")
    return task


async def cancelled(task: asyncio.Task[str]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
