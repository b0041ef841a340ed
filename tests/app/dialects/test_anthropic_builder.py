"""Chat chunks become Anthropic's events, in the order that its documentation gives. Pure."""

import json
from pathlib import Path
from typing import Any

import pytest

from corral.app.dialects.anthropic.builder import MessageBuilder, ServerEvent

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}


def delta(reason: str | None = None, stop: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": reason}
    return {"choices": [choice if stop is None else choice | {"stop_reason": stop}]}


def call(
    index: int, *, id: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {"index": index, "function": function} | ({} if id is None else {"id": id})


def built(*chunks: dict[str, Any], thinking: bool = True) -> tuple[list[ServerEvent], dict[str, Any]]:
    builder = MessageBuilder(model="m", stops=["###"], show_thinking=thinking, make_id=lambda: "msg_1")
    events = builder.start(prompt_tokens=9, cached_tokens=3)
    for chunk in chunks:
        events += builder.feed(chunk)
    events += builder.finish()
    return events, builder.document


def kinds(events: list[ServerEvent]) -> list[str]:
    return [event["type"] for event in events]


GOLDEN = Path(__file__).parent / "golden" / "anthropic_events.jsonl"


def test_the_golden_order() -> None:
    """https://docs.anthropic.com/en/docs/build-with-claude/streaming: thinking, text, then two tool calls."""
    events, document = built(
        delta(role="assistant", content=""),
        delta(reasoning_content="hm"),
        delta(content="He"),
        delta(content="llo"),
        delta(tool_calls=[call(0, id="c1", name="add")]),
        delta(tool_calls=[call(0, arguments='{"a":')]),
        delta(tool_calls=[call(0, arguments="1}")]),
        delta(tool_calls=[call(1, id="c2", name="sub", arguments="{}")]),
        delta("tool_calls"),
        {"choices": [], "usage": USAGE},
    )
    assert events == [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    assert document["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "sub", "input": {}},
    ]


@pytest.mark.parametrize(
    ("chunk", "reason", "sequence"),
    [
        (delta("stop"), "end_turn", None),
        (delta("stop", stop="###"), "stop_sequence", "###"),
        (delta("stop", stop="other"), "end_turn", None),
        (delta("length"), "max_tokens", None),
        (delta("tool_calls"), "tool_use", None),
        (delta("content_filter"), "refusal", None),
        (delta("stop", tool_calls=[call(0, id="c", name="f")]), "tool_use", None),
        (delta(), "end_turn", None),
    ],
)
def test_why_it_ended(chunk: dict[str, Any], reason: str, sequence: str | None) -> None:
    _, document = built(chunk)
    assert (document["stop_reason"], document["stop_sequence"]) == (reason, sequence)


def test_thoughts_that_nobody_asked_for_are_left_out() -> None:
    events, document = built(delta(reasoning_content="hm"), delta(content="a"), thinking=False)
    assert document["content"] == [{"type": "text", "text": "a"}]
    assert kinds(events).count("content_block_start") == 1


def test_an_empty_answer() -> None:
    events, document = built(delta("stop"))
    assert kinds(events) == ["message_start", "message_delta", "message_stop"]
    assert document["content"] == []


def test_a_call_that_was_cut_off_has_no_input() -> None:
    _, document = built(delta("length", tool_calls=[call(0, id="c", name="f", arguments='{"a')]))
    assert document["content"][0]["input"] == {}
    assert document["stop_reason"] == "max_tokens"
