"""Work whose waiter is cancelled goes on to its end."""

import asyncio

import pytest

from corral.app.uninterrupted import uninterrupted


async def doubled(number: int, go: asyncio.Event, done: list[int]) -> int:
    await go.wait()
    if number < 0:
        raise ValueError(number)
    done.append(number)
    return 2 * number


@pytest.fixture
def go() -> asyncio.Event:
    return asyncio.Event()


async def test_its_result_and_its_error(go: asyncio.Event) -> None:
    go.set()
    assert await uninterrupted(doubled(2, go, [])) == 4
    with pytest.raises(ValueError, match="-1"):
        await uninterrupted(doubled(-1, go, []))


@pytest.mark.parametrize("number", [2, -1])
async def test_a_waiter_that_is_cancelled(number: int, go: asyncio.Event) -> None:
    done: list[int] = []
    waiting = asyncio.create_task(uninterrupted(doubled(number, go, done)))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await asyncio.wait([waiting], timeout=0.01) == (set(), {waiting})
    go.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert done == ([] if number < 0 else [number])
