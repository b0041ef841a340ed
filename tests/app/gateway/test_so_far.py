"""What a broken stream said, and the request that goes on with it, as tables."""

import json
from typing import Any

import pytest

from corral.app.gateway.so_far import SoFar, going_on, in_all, may_go_on, so_far, tokens_left
from corral.engines.events import Done

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
USER = {"role": "user", "content": "hi"}


def stream(*choices: Any, **more: Any) -> bytes:
    """One event for each list of choices."""
    head = {"id": "c1", "created": 5, "model": "m", "object": "x"}
    chunks = [{**head, "choices": each if isinstance(each, list) else [each], **more} for each in choices]
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)


def delta(**fields: Any) -> dict[str, Any]:
    return {"index": 0, "delta": fields, "finish_reason": None}


def test_a_chat() -> None:
    data = stream(delta(role="assistant", content=""), delta(content="a"), delta(content="b c"))
    said = so_far(b": hello\n\n" + data + b'data: {"error": {"message": "broken"}}\n\ndata: [DONE]\n\n')
    assert (said.text, said.pieces, said.began, said.finished, said.strange) == (
        "ab c",
        2,
        True,
        False,
        False,
    )
    assert said.head == {"id": "c1", "created": 5, "model": "m"}


def test_a_completion() -> None:
    said = so_far(stream({"index": 0, "text": "a"}, {"index": 0, "text": "b", "finish_reason": "stop"}))
    assert (said.text, said.pieces, said.began, said.finished) == ("ab", 2, False, True)


@pytest.mark.parametrize(
    ("choice", "strange"),
    [
        (delta(content="a", refusal=None, tool_calls=None, reasoning_content=None), False),
        (delta(tool_calls=[{"index": 0}]), True),
        (delta(function_call={"name": "f"}), True),
        (delta(reasoning_content="hm"), True),
        (delta(reasoning="hm"), True),
        ({"index": 1, "delta": {"content": "b"}}, True),
        ([], False),
    ],
)
def test_more_than_text(choice: Any, strange: bool) -> None:
    assert so_far(stream(delta(content="a"), choice)).strange is strange


def chat(**fields: Any) -> dict[str, Any]:
    return {"stream": True, "messages": [USER], **fields}


def completion(**fields: Any) -> dict[str, Any]:
    return {"stream": True, "prompt": "Once", "max_tokens": 9, **fields}


ASSISTANT = {"role": "assistant", "content": "I"}


@pytest.mark.parametrize(
    ("path", "body", "may"),
    [
        (CHAT, chat(), True),
        (CHAT, chat(n=1, logprobs=False, response_format={"type": "text"}, tools=[{}]), True),
        (CHAT, chat(tool_choice="auto"), True),
        (CHAT, chat(messages=[USER, ASSISTANT], continue_final_message=True), True),
        (CHAT, chat(messages=[USER, ASSISTANT]), False),
        (CHAT, chat(stream=False), False),
        (CHAT, chat(n=2), False),
        (CHAT, chat(logprobs=True), False),
        (CHAT, chat(response_format={"type": "json_object"}), False),
        (CHAT, chat(grammar="root ::= x"), False),
        (CHAT, chat(guided_json={}), True),
        (CHAT, chat(guided_regex="x"), False),
        (CHAT, chat(tool_choice="required"), False),
        (CHAT, chat(tool_choice={"type": "function"}), False),
        (CHAT, chat(function_call={"name": "f"}), False),
        (CHAT, chat(messages=[]), False),
        (CHAT, chat(messages=5), False),
        (COMPLETION, completion(), True),
        (COMPLETION, completion(prompt=["a"]), False),
        (COMPLETION, completion(prompt=[1, 2]), False),
        (COMPLETION, completion(echo=True), False),
        (COMPLETION, completion(suffix="x"), False),
        (COMPLETION, completion(logprobs=1), False),
        (COMPLETION, completion(max_tokens=None), False),
        ("/v1/embeddings", chat(), False),
    ],
)
def test_what_may_go_on(path: str, body: dict[str, Any], may: bool) -> None:
    assert may_go_on(path, body) is may


SAID = SoFar(text=" am", pieces=2)


@pytest.mark.parametrize(
    ("path", "body", "said", "again"),
    [
        (CHAT, chat(max_tokens=9), SoFar(), {}),
        (
            CHAT,
            chat(max_tokens=9),
            SAID,
            {
                "messages": [USER, {"role": "assistant", "content": " am"}],
                "continue_final_message": True,
                "add_generation_prompt": False,
                "max_tokens": 7,
            },
        ),
        (
            CHAT,
            chat(
                max_tokens=9, max_completion_tokens=5, messages=[USER, ASSISTANT], continue_final_message=True
            ),
            SAID,
            {
                "messages": [USER, {"role": "assistant", "content": "I am"}],
                "add_generation_prompt": False,
                "max_tokens": 3,
                "max_completion_tokens": 3,
            },
        ),
        (COMPLETION, completion(), SAID, {"prompt": "Once am", "max_tokens": 7}),
    ],
)
def test_the_request_that_goes_on(
    path: str, body: dict[str, Any], said: SoFar, again: dict[str, Any]
) -> None:
    assert going_on(path, body, said) == {**body, **again}


def test_tokens_that_are_left() -> None:
    assert [tokens_left({"max_tokens": limit}, SAID) for limit in (None, 2, 3)] == [None, 0, 1]


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (Done(prompt_tokens=10, cached_tokens=8), Done(prompt_tokens=14, completion_tokens=5), (10, 8, 9)),
        (Done(prompt_tokens=0), Done(prompt_tokens=14, completion_tokens=5), (12, 0, 7)),
        (Done(prompt_tokens=10), Done(prompt_tokens=0, completion_tokens=5), (10, 0, 7)),
        (Done(prompt_tokens=0), Done(prompt_tokens=0, completion_tokens=5), (0, 0, 7)),
    ],
)
def test_what_the_whole_answer_took(first: Done, second: Done, whole: tuple[int, int, int]) -> None:
    done = in_all(first, SAID, second)
    assert (done.prompt_tokens, done.cached_tokens, done.completion_tokens) == whole
