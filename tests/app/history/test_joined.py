"""Streams put together again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.app.history.joined import joined_events, joined_stream
from corral.app.history.row import texts_of
from corral.engines.events import Done, Finished, Started, TextDelta, ToolCallDelta
from tests.app.history.records import record


def sse(*chunks: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)


def delta(index: int = 0, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": reason}]}


def message(document: dict[str, Any], index: int = 0) -> Any:
    return document["choices"][index]["message"]


def test_events_of_an_engine() -> None:
    document = joined_events(
        [
            Started(prompt_tokens=1, cached_tokens=0),
            TextDelta(index=0, text="let me think", reasoning=True),
            TextDelta(index=1, text="other"),
            TextDelta(index=0, text="Hel"),
            TextDelta(index=0, text="lo"),
            ToolCallDelta(index=0, call=0, id="c", name="add", arguments='{"a":'),
            ToolCallDelta(index=0, call=0, arguments="1}"),
            Finished(index=0, reason="tool_calls"),
            Done(prompt_tokens=1),
        ]
    )
    assert message(document) == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "let me think",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}],
    }
    assert [choice["finish_reason"] for choice in document["choices"]] == ["tool_calls", None]
    assert message(document, 1)["content"] == "other"


def test_a_chat_stream() -> None:
    call = {"index": 0, "function": {"name": "add", "arguments": "{}"}}
    data = sse(
        delta(role="assistant", content=""),
        delta(content="Hel"),
        delta(content="lo", tool_calls=[call]),
        delta(reason="stop"),
        {"choices": [], "usage": {"total_tokens": 3}},
    )
    document = joined_stream(b": keep-alive\n\n" + data + b"data: [DONE]\n\n")
    assert message(document)["content"] == "Hello"
    assert message(document)["tool_calls"][0]["function"]["name"] == "add"
    assert (document["choices"][0]["finish_reason"], document["usage"]) == ("stop", {"total_tokens": 3})


def test_a_broken_stream_gives_what_there_was() -> None:
    document = joined_stream(
        sse(delta(content="Hel"), {"error": {"code": "x"}}) + b'data: {"choices": [{"del'
    )
    assert message(document)["content"] == "Hel"
    assert document["error"] == {"code": "x"}


def test_a_completion_stream() -> None:
    document = joined_stream(
        sse({"choices": [{"index": 0, "text": "a"}]}, {"choices": [{"index": 0, "text": "b"}]})
    )
    assert message(document)["content"] == "ab"


def test_a_responses_stream() -> None:
    document = joined_stream(
        sse(
            {"type": "response.created", "response": {"status": "in_progress"}},
            {"type": "response.output_text.delta", "delta": "Hel"},
            {"type": "response.output_text.delta", "delta": "lo"},
            {"type": "response.completed", "response": {"status": "completed"}},
        )
    )
    assert message(document)["content"] == "Hello"
    assert document["response"] == {"status": "completed"}


def test_garbage_is_nothing() -> None:
    assert joined_stream(b"data: 5\n\ndata: \xff\n\n\x00") == {"choices": []}


_NAMES = (
    *(
        "choices",
        "delta",
        "index",
        "content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "finish_reason",
        "text",
    ),
    *("message", "done", "done_reason", "response", "type", "content_block", "error", "usage"),
)
_TYPES = (
    "content_block_start",
    "content_block_delta",
    "message_delta",
    "response.x",
    "text_delta",
    "tool_use",
)
_lies = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(_TYPES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=15,
)


@given(st.lists(_lies, max_size=4))
def test_servers_may_say_anything(chunks: list[object]) -> None:
    assert isinstance(joined_stream(sse(*chunks)), dict)


@pytest.mark.parametrize("depth", [50, 300, 900])
def test_servers_may_nest_what_they_say(depth: int) -> None:
    deep = b'data: {"choices": [{"delta": {"content": "hi"}}], "usage": %b1%b}' % (b"[" * depth, b"]" * depth)
    document = json.loads(texts_of(record(streamed=True, answer=[deep])).answer)
    assert message(document)["content"] == "hi"


def test_a_stream_of_anthropics_events() -> None:
    """Whose lines before the data name the event."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "add"}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    data = b"".join(b"event: %b\n" % event["type"].encode() + sse(event) for event in events)
    document = joined_stream(data)
    assert message(document) == {
        "role": "assistant",
        "content": "Hello",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": "{}"}}],
    }
    assert (document["choices"][0]["finish_reason"], document["usage"]) == ("tool_use", {"output_tokens": 2})


def test_a_stream_of_ollamas_lines() -> None:
    call = {"function": {"index": 0, "name": "add", "arguments": {"a": 1}}}
    lines: list[dict[str, Any]] = [
        {"message": {"content": "", "thinking": "hm"}, "done": False},
        {"message": {"content": "Hello"}, "done": False},
        {"message": {"content": "", "tool_calls": [call]}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    ]
    document = joined_stream(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert message(document)["content"] == "Hello"
    assert message(document)["reasoning_content"] == "hm"
    assert message(document)["tool_calls"][0]["function"]["name"] == "add"
    assert document["choices"][0]["finish_reason"] == "stop"
    prompts = [
        {"response": "one ", "done": False},
        {"response": "two", "done": True, "done_reason": "length"},
    ]
    document = joined_stream(b"".join(json.dumps(line).encode() + b"\n" for line in prompts) + b'{"respo')
    assert message(document)["content"] == "one two"
