"""What is remembered of endpoints: pace, failures, prefixes."""

from dataclasses import replace

import pytest

from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.app.gateway.failures import HALF_LIFE_S, MOST_PENALTY, Failures
from corral.app.gateway.pace import UNKNOWN, Pace, Stopwatch, slowdown
from corral.app.gateway.paces import LASTS_S, Paces
from corral.app.gateway.prefixes import (
    LENGTHS,
    MOST_PER_PLACE,
    PrefixMemory,
    engine_prompt,
    fingerprints,
    json_prompt,
    shared_characters,
)
from corral.engines.events import Done, Event, Finished, Started, TextDelta
from corral.engines.requests import ChatRequest, CompletionRequest, EmbeddingRequest, Message
from tests.engines.pools import FakeClock

A: PlaceId = (EndpointId("a"), "m")
B: PlaceId = (EndpointId("b"), "m")
NOW = 1000.0


def timed(*steps: tuple[float, Event], at_once: int = 1, warm: bool = True) -> Stopwatch:
    """A stopwatch that saw events after so many seconds each."""
    clock = FakeClock()
    watch = Stopwatch(clock, at_once=at_once, warm=warm)
    for seconds, event in steps:
        clock.now += seconds
        watch.see([event])
    return watch


def answer(
    *,
    prompt: int = 100,
    cached: int = 0,
    tokens: int = 11,
    choices: int = 1,
    at_once: int = 1,
    warm: bool = True,
) -> Stopwatch:
    """One second of reading, one of generating."""
    return timed(
        (1.0, Started(prompt_tokens=prompt, cached_tokens=cached)),
        (0.0, TextDelta(index=0, text="a")),
        *((1.0 / choices, Finished(index=index, reason="stop")) for index in range(choices)),
        (0.0, Done(prompt_tokens=prompt, completion_tokens=tokens, cached_tokens=cached)),
        at_once=at_once,
        warm=warm,
    )


@pytest.mark.parametrize(
    ("watch", "at_once", "pace"),
    [
        (answer(), 1, Pace(decode=10.0, prefill=100.0)),
        (answer(), 3, Pace(decode=15.0, prefill=150.0)),  # two at once in the mean
        (answer(at_once=3), 3, Pace(decode=20.0, prefill=200.0)),
        (answer(tokens=22, choices=2), 1, Pace(decode=10.0, prefill=100.0)),
        (answer(cached=50), 1, Pace(decode=10.0)),
        (answer(warm=False), 1, Pace(decode=10.0)),
        (answer(tokens=5), 1, Pace(prefill=100.0)),
        (timed((1.0, Started(prompt_tokens=100, cached_tokens=0))), 1, Pace(prefill=100.0)),
        (timed((1.0, Done(prompt_tokens=100))), 1, UNKNOWN),
    ],
)
def test_a_stopwatch(watch: Stopwatch, at_once: int, pace: Pace) -> None:
    assert watch.pace(at_once) == pace


def test_slowdown() -> None:
    assert [slowdown(at_once) for at_once in range(4)] == [1.0, 1.0, 1.5, 2.0]


def test_a_pace_is_a_moving_average_that_ends() -> None:
    paces = Paces()
    paces.note(A, answer(), at_once=1, now=NOW)
    paces.note(A, answer(tokens=16, cached=90), at_once=1, now=NOW)
    assert replace(paces.of(A, now=NOW), crowding=None) == Pace(decode=11.0, prefill=100.0)
    assert paces.of(B, now=NOW) == UNKNOWN
    assert paces.answer_tokens("m") == 12.0
    old = paces.of(A, now=NOW + LASTS_S)
    assert (old.decode, old.prefill) == (11.0, 100.0)
    hoped = paces.of(A, now=NOW + 2 * LASTS_S)  # it gets another chance
    assert (hoped.decode, hoped.prefill) == (22.0, 200.0)
    assert paces.of(A, now=NOW + 8 * LASTS_S) == UNKNOWN
    assert paces.answer_tokens("other") is None


def test_an_answer_that_was_broken_off_says_nothing() -> None:
    paces = Paces()
    paces.note(A, timed((1.0, Started(prompt_tokens=100, cached_tokens=0))), at_once=1, now=NOW)
    assert paces.of(A, now=NOW) == UNKNOWN


def test_failures_add_up_and_heal() -> None:
    failures = Failures()
    for _ in range(2):
        failures.failed(A, "gone", now=NOW)
    assert failures.penalty(A, now=NOW) == 2.0
    assert failures.penalty(B, now=NOW) == 0.0
    assert failures.penalty(A, now=NOW + HALF_LIFE_S) == 1.0
    failures.answered(A, now=NOW + HALF_LIFE_S)
    assert failures.penalty(A, now=NOW + HALF_LIFE_S) == 0.5
    assert failures.penalty(A, now=NOW + 10 * HALF_LIFE_S) == 0.0
    for _ in range(100):
        failures.failed(A, "gone", now=NOW)
    assert failures.penalty(A, now=NOW) == MOST_PENALTY


def test_the_last_failure_is_known_until_the_next_answer() -> None:
    failures = Failures()
    failures.failed(A, "first", now=NOW)
    failures.failed((A[0], "other"), "second", now=NOW + 5)
    last = failures.last(A[0])
    assert last is not None
    assert (last.message, last.at, last.since) == ("second", NOW + 5, NOW)
    failures.answered(A, now=NOW + 6)
    assert failures.last(A[0]) is None
    failures.failed(A, "third", now=NOW + 7)
    failures.forget(A[0])
    assert (failures.last(A[0]), failures.penalty(A, now=NOW + 7)) == (None, 0.0)


def test_fingerprints_are_those_of_beginnings() -> None:
    text = "".join(map(str, range(1000)))
    whole = fingerprints([text])
    assert len(whole) == sum(length <= len(text) for length in LENGTHS)
    assert fingerprints([text[:100], text[100:700], text[700:]]) == whole
    assert fingerprints([text[:1100]]) == whole[:3]
    assert fingerprints([text[:1000] + "x" * 3000])[:2] == whole[:2]
    assert not set(fingerprints(["x" + text])) & set(whole)
    assert fingerprints([]) == fingerprints(["short"]) == ()
    assert len(fingerprints(["x" * 10_000_000])) == len(LENGTHS)


def test_what_prompts_share() -> None:
    text = "word " * 1000
    prompt = fingerprints([text])
    assert shared_characters(prompt, set(prompt)) == 4096
    assert shared_characters(prompt, set(prompt[:2])) == 768
    assert shared_characters(prompt, set(fingerprints(["other " * 1000]))) == 0
    assert shared_characters((), set(prompt)) == 0


LONG = "a long text " * 100


@pytest.mark.parametrize(
    ("json", "request_there"),
    [
        (
            {"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "hi"}]},
            ChatRequest(messages=(Message(role="system", content=LONG), Message(role="user", content="hi"))),
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": None},
                    {"role": "function", "name": "f", "content": "x"},
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "x"}, {"type": "text", "text": LONG}],
                    },
                ]
            },
            ChatRequest(
                messages=(
                    Message(role="assistant"),
                    Message(role="tool", name="f", content="x"),
                    Message(role="user", content="x" + LONG),
                )
            ),
        ),
        ({"prompt": LONG}, CompletionRequest(prompt=LONG)),
        ({"prompt": [1, 2]}, CompletionRequest(prompt=(1, 2))),
        ({"input": LONG}, EmbeddingRequest(inputs=(LONG,))),
    ],
)
def test_both_sides_make_the_same(
    json: dict[str, object], request_there: ChatRequest | CompletionRequest | EmbeddingRequest
) -> None:
    here, there = fingerprints(json_prompt(json)), fingerprints(engine_prompt(request_there))
    assert here == there
    assert bool(here) == (LONG in str(json) and "input" not in json)


@pytest.mark.parametrize(
    "json",
    [
        {"messages": 5},
        {"messages": [5, {"role": 5, "content": {"a": 1}}, {"content": [5, {}]}]},
        {"prompt": {}},
    ],
)
def test_nonsense_has_no_fingerprints(json: dict[str, object]) -> None:
    assert fingerprints(json_prompt(json)) == ()


def prints(*numbers: int) -> tuple[bytes, ...]:
    return tuple(number.to_bytes(8, "big") for number in numbers)


def test_prefixes_are_remembered_newest_first_and_bounded() -> None:
    memory = PrefixMemory()
    memory.note(A, prints(1, 2), now=NOW)
    memory.note(A, prints(3, 1), now=NOW + 1)
    assert memory.newest(A, 10) == prints(1, 3, 2)
    assert memory.newest(A, 2) == prints(1, 3)
    assert memory.newest(A, 10, since=NOW + 0.5) == prints(1, 3)
    assert (memory.newest(B, 10), list(memory.known(B))) == ((), [])
    memory.note(A, prints(*range(10, 10 + MOST_PER_PLACE)), now=NOW + 2)
    assert len(memory.known(A)) == MOST_PER_PLACE
    assert prints(1)[0] not in memory.known(A)


def test_crowding_is_learned() -> None:
    for true in (0.1, 0.9):
        paces = Paces()
        for number in range(200):
            at_once = 1 + number % 6
            seconds = 10.0 * slowdown(at_once, true)
            watch = timed(
                (1.0, Started(prompt_tokens=10, cached_tokens=0)),
                (0.0, TextDelta(index=0, text="a")),
                (seconds, Finished(index=0, reason="stop")),
                (0.0, Done(prompt_tokens=10, completion_tokens=101)),
                at_once=at_once,
            )
            paces.note(A, watch, at_once=at_once, now=NOW)
        pace = paces.of(A, now=NOW)
        assert pace.decode == pytest.approx(10.0, rel=0.1)
        assert pace.crowding == pytest.approx(true, abs=0.07)


def test_who_had_a_beginning_last() -> None:
    memory = PrefixMemory()
    memory.note(A, prints(1, 2), now=NOW)
    memory.note(B, prints(1, 3), now=NOW)
    assert [memory.holder(prints(*wanted)) for wanted in ((1, 2), (1, 3), (1, 4), (5,), ())] == [
        A[0],
        B[0],
        B[0],
        None,
        None,
    ]
