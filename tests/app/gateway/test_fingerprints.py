"""Fingerprints of prompts: where they are taken, what two prompts share."""

import pytest

from corral.app.gateway.fingerprints import (
    LENGTHS,
    NO_FINGERPRINTS,
    Fingerprints,
    engine_prompt,
    fingerprints,
    json_prompt,
)
from corral.engines.requests import ChatRequest, CompletionRequest, EmbeddingRequest, Message

SYSTEM, QUESTION, ANSWER, NEXT = (
    ("system", "s" * 2000),
    ("user", "q" * 300),
    ("assistant", "a" * 3000),
    ("user", "n"),
)


def chat(*messages: tuple[str, str]) -> Fingerprints:
    return fingerprints(
        json_prompt({"messages": [{"role": role, "content": text} for role, text in messages]})
    )


def characters(*messages: tuple[str, str]) -> int:
    return sum(len(role) + len(text) + 2 for role, text in messages)


def test_they_are_those_of_beginnings() -> None:
    text = "".join(map(str, range(1000)))
    whole = fingerprints([text])
    assert whole.lengths == (512, 768, 1024, 1536, 2048, len(text))
    assert whole.reaches == whole.lengths and whole.characters == len(text)
    assert set(fingerprints([text[:100], text[100:700], text[700:]]).prints) >= set(whole.prints)
    assert fingerprints([text[:1100]]).prints[:3] == whole.prints[:3]
    assert fingerprints([text[:1000] + "x" * 3000]).prints[:2] == whole.prints[:2]
    assert not set(fingerprints(["x" + text]).prints) & set(whole.prints)
    assert fingerprints([]) == NO_FINGERPRINTS and not fingerprints(["short"])
    assert fingerprints(["x" * 10_000_000]).lengths == LENGTHS


@pytest.mark.parametrize(
    ("before", "now", "shared"),
    [
        ([SYSTEM, QUESTION], [SYSTEM, NEXT], characters(SYSTEM)),
        ([SYSTEM, QUESTION], [SYSTEM, QUESTION, ANSWER, NEXT], characters(SYSTEM, QUESTION, ANSWER)),
        ([SYSTEM, QUESTION, ANSWER, NEXT], [SYSTEM, QUESTION], characters(SYSTEM, QUESTION)),
        (
            [SYSTEM, QUESTION, ANSWER, NEXT],
            [SYSTEM, QUESTION, ("assistant", "b"), NEXT],
            characters(SYSTEM, QUESTION, ("assistant", "b")),
        ),
        ([SYSTEM], [("system", "s" * 1900)], 1536),
        ([SYSTEM], [NEXT], 0),
        ([], [SYSTEM], 0),
    ],
)
def test_what_is_cached_where_another_prompt_was_read(
    before: list[tuple[str, str]], now: list[tuple[str, str]], shared: int
) -> None:
    there = chat(*before).prints
    assert chat(*now).shared(there) == shared
    assert chat(*now).shared(there, gone=there) == 0


def test_of_a_long_conversation_the_last_messages_count() -> None:
    turns = [(role, f"{number} {role} " * 20) for number in range(100) for role in ("user", "assistant")]
    early, late = chat(*turns[:151]), chat(*turns[:153])
    assert late.shared(early.prints) == characters(*turns[:152])
    assert len(late.prints) < 30


def test_what_was_known_before_the_part_that_is_gone() -> None:
    prompt = chat(SYSTEM, QUESTION)
    assert prompt.shared(prompt.prints, gone=prompt.prints[-1:]) == 2048


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
def test_nonsense_has_none(json: dict[str, object]) -> None:
    assert not fingerprints(json_prompt(json))
