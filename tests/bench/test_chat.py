"""Reading a timed event stream."""

import json

import pytest

from bench.chat import Answer, read_answer
from bench.scenarios import longest_gap_after


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def text(content: str | None) -> bytes:
    return event(choices=[{"delta": {"content": content}}])


USAGE = event(
    choices=[],
    usage={"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
)
END = b"data: [DONE]\n\n"


def test_takes_the_time_of_the_part_that_completes_an_event() -> None:
    cut = text("b")
    arrivals = [
        (1.0, b": keep-alive\n\n" + event(choices=[{"delta": {"role": "assistant"}}])),
        (2.0, text("a") + cut[:20]),
        (3.0, cut[20:]),
        (5.0, text("") + text("c")),
        (6.0, USAGE + END),
    ]
    answer = read_answer(0.5, arrivals, 6.5)
    assert answer.text_times == (2.0, 3.0, 5.0)
    assert answer.first_token_s == 1.5
    assert answer.gaps_s == [1.0, 2.0]
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (9, 3, 4)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([text("a"), event(error={"message": "no room"})], "no room"),
        ([text("a"), END], "token counts"),
        ([USAGE, END], "no text"),
    ],
)
def test_refuses_an_answer_that_must_not_count(parts: list[bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_answer(0.0, [(1.0, part) for part in parts], 2.0)


@pytest.mark.parametrize(
    ("moment", "gap"), [(0.0, 4.0), (2.5, 4.0), (6.9, 4.0), (7.0, 1.0), (7.5, 1.0), (8.0, 0.0)]
)
def test_a_gap_counts_when_it_ends_after_the_moment(moment: float, gap: float) -> None:
    answer = Answer(
        started=0.0,
        text_times=(1.0, 2.0, 3.0, 7.0, 8.0),
        ended=9.0,
        prompt_tokens=1,
        completion_tokens=5,
        cached_tokens=0,
    )
    assert longest_gap_after(answer, moment) == gap
