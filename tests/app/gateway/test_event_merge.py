"""Events of one or several answers, gathered in the background."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from corral.app.gateway.event_merge import MAX_WAITING, EventMerge
from corral.engines.errors import WorkerCrashed
from corral.engines.events import Done, Event, Finished, Started, TextDelta
from corral.engines.requests import CompletionRequest
from tests.app.gateway.scripted import ANSWER, MODEL, ScriptedPool
from tests.engines.waiting import until

REQUEST = CompletionRequest(prompt="x")


def source(pool: ScriptedPool) -> AsyncGenerator[Event, None]:
    return pool.answer(MODEL, REQUEST)


async def drained(merge: EventMerge) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], Done):
        events += await merge.take()
    await merge.aclose()
    return events


async def test_what_waits_comes_at_once() -> None:
    pool = ScriptedPool()
    merge = EventMerge([source(pool)])
    merge.open()
    await until(lambda: pool.closed == 1, "the source is read")
    assert await merge.take() == list(ANSWER)
    await merge.aclose()


async def test_several_answers_are_one() -> None:
    events = await drained(_opened(ScriptedPool(), ScriptedPool()))
    assert [e for e in events if isinstance(e, Started)] == [Started(prompt_tokens=4, cached_tokens=0)]
    assert events[-1] == Done(prompt_tokens=4, completion_tokens=4)
    texts = {index: "" for index in (0, 1)}
    for event in events:
        if isinstance(event, TextDelta):
            texts[event.index] += event.text
    assert texts == {0: "ab", 1: "ab"}
    assert sorted(event.index for event in events if isinstance(event, Finished)) == [0, 1]


def _opened(*pools: ScriptedPool) -> EventMerge:
    merge = EventMerge([source(pool) for pool in pools])
    merge.open()
    return merge


async def test_nothing_comes_in_time() -> None:
    pool = ScriptedPool([asyncio.Event()])
    merge = _opened(pool)
    assert await merge.take(timeout_s=0.01) == []
    await merge.aclose()
    assert pool.closed == 1


async def test_an_error_comes_after_what_was_before_it() -> None:
    merge = _opened(ScriptedPool([*ANSWER[:2], WorkerCrashed("gone")]))
    await until(lambda: all(task.done() for task in merge._tasks), "the source is read")
    assert await merge.take() == list(ANSWER[:2])
    with pytest.raises(WorkerCrashed):
        await merge.take()
    await merge.aclose()


async def test_a_reader_that_does_not_come_stops_the_source() -> None:
    pool = ScriptedPool([TextDelta(index=0, text="x")] * (MAX_WAITING * 3) + list(ANSWER[-1:]))
    merge = _opened(pool)
    await until(lambda: pool.said >= MAX_WAITING - 1, "the source has filled the room")
    for _ in range(10):
        await asyncio.sleep(0)
    assert pool.said < MAX_WAITING + 1
    assert len(await drained(merge)) == MAX_WAITING * 3 + 1


async def test_closing_ends_the_sources() -> None:
    pools = [ScriptedPool([asyncio.Event()]) for _ in range(3)]
    merge = _opened(*pools)
    await until(lambda: all(pool.asked for pool in pools), "all were asked")
    await merge.aclose()
    assert [pool.closed for pool in pools] == [1, 1, 1]
