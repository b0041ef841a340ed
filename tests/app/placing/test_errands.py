"""Loading for somebody who doesn't wait until it is done."""

import asyncio
from contextlib import suppress

import pytest

from corral.app.placing.errands import Errands
from corral.engines.errors import InsufficientMemory
from corral.engines.model import LoadedInfo


class Pool:
    """Each step ends when it is told how."""

    def __init__(self) -> None:
        self.end: asyncio.Future[LoadedInfo] = asyncio.get_running_loop().create_future()

    async def load(self, name: str) -> LoadedInfo:
        return await self.end

    async def unload(self, name: str) -> None:
        await self.end


def info() -> LoadedInfo:
    return LoadedInfo(
        capabilities=frozenset(),
        context_length=1,
        cache_tokens=1,
        max_sequences=1,
        batch_tokens=1,
        threads=1,
        gpu_layers=0,
        flash_attention=False,
        vocabulary_size=1,
    )


async def test_what_is_done_at_once_is_done() -> None:
    pool = Pool()
    pool.end.set_result(info())
    errands = Errands(pool, patience_s=60.0)
    assert await errands.load("parrot") and await errands.unload("parrot")


async def test_what_fails_at_once_is_told() -> None:
    pool = Pool()
    pool.end.set_exception(InsufficientMemory("no room"))
    with pytest.raises(InsufficientMemory, match="no room"):
        await Errands(pool, patience_s=60.0).load("parrot")


async def test_what_takes_longer_goes_on() -> None:
    pool = Pool()
    errands = Errands(pool, patience_s=0.0)
    assert not await errands.load("parrot")
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == "loading parrot")
    pool.end.set_exception(InsufficientMemory("no room"))
    with suppress(InsufficientMemory):
        await task


async def test_what_is_under_way_ends_with_the_node() -> None:
    errands = Errands(Pool(), patience_s=0.0)
    running = asyncio.create_task(errands.run())
    assert not await errands.load("parrot")
    running.cancel()
    await asyncio.wait([running])
    assert not [each for each in asyncio.all_tasks() if each.get_name() == "loading parrot"]
