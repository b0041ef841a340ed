"""A slow reader gets the same text in fewer pieces."""

import asyncio

import pytest

from corral.engines.errors import WorkerCrashed
from corral.engines.events import Done, Event, Finished, TextDelta, TokenLogprob, ToolCallDelta
from corral.engines.stream import EventStream


def text(index: int, words: str, *, reasoning: bool = False, logprob: bool = False) -> TextDelta:
    tokens = (TokenLogprob(token=words, logprob=0.0, data=b""),) if logprob else ()
    return TextDelta(index=index, text=words, reasoning=reasoning, logprobs=tokens)


STOP = Finished(index=0, reason="stop")
DONE = Done(prompt_tokens=1)
CALL = ToolCallDelta(index=0, call=0)


@pytest.mark.parametrize(
    ("put", "got"),
    [
        ([text(0, "a"), DONE], [text(0, "a"), DONE]),
        ([text(0, "a"), text(0, "b"), text(0, "c"), DONE], [text(0, "a"), text(0, "bc"), DONE]),
        (
            [text(0, "a"), text(1, "A"), text(0, "b"), text(1, "B"), text(0, "c"), text(1, "C")],
            [text(0, "a"), text(1, "ABC"), text(0, "bc")],
        ),
        (
            [STOP, text(0, "a", reasoning=True), text(0, "b", reasoning=True), text(0, "c"), text(0, "d")],
            [STOP, text(0, "ab", reasoning=True), text(0, "cd")],
        ),
        ([STOP, text(0, "a"), CALL, text(0, "b")], [STOP, text(0, "a"), CALL, text(0, "b")]),
        (
            [STOP, text(0, "a"), text(0, "b", logprob=True), text(0, "c")],
            [STOP, text(0, "a"), text(0, "b", logprob=True), text(0, "c")],
        ),
    ],
    ids=["quick", "slow", "two choices", "reasoning", "tool call between", "logprobs"],
)
async def test_waiting_text_is_joined_within_its_choice_and_kind(put: list[Event], got: list[Event]) -> None:
    stream = EventStream()
    for event in put:
        stream.put(event)
    assert stream.waiting == len(got)
    assert [await stream.get() for _ in got] == got


async def test_memory_stays_bounded_however_slow_the_reader() -> None:
    stream = EventStream()
    for number in range(10_000):
        stream.put(text(number % 4, "x"))
    assert stream.waiting <= 5


async def test_a_waiting_reader_is_woken() -> None:
    stream = EventStream()
    reader = asyncio.create_task(stream.get())
    await asyncio.sleep(0)
    stream.put(DONE)
    assert await reader == DONE


async def test_an_error_comes_after_what_was_put_before_it() -> None:
    stream = EventStream()
    stream.put(text(0, "a"))
    stream.fail(WorkerCrashed("gone"))
    assert await stream.get() == text(0, "a")
    with pytest.raises(WorkerCrashed):
        await stream.get()
