"""Anthropic's answers as events."""

from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from corral.app.cloud.anthropic_answer import AnthropicAnswer
from corral.app.cloud.errors import AnswerCutOff, CloudFailed
from corral.app.cloud.thoughts import Thoughts
from corral.engines.events import Done, Event, Finished, Started, TextDelta, ToolCallDelta

Json = dict[str, Any]
USAGE = {
    "input_tokens": 3,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 2,
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 4},
}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "S"}
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def message(*content: Json, reason: str | None = "end_turn", usage: Json = USAGE) -> Json:
    found = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    Message.model_validate(found)
    return found


def streamed(reader: AnthropicAnswer, *events: Json) -> list[Event]:
    found: list[Event] = []
    for each in events:
        _EVENTS.validate_python(each)
        found += reader.event(each)
    return found


def started() -> Json:
    return {
        "type": "message_start",
        "message": message(reason=None, usage={"input_tokens": 9, "output_tokens": 1}),
    }


def opened(index: int, block: Json) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: str) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str) -> list[Json]:
    usage = {"output_tokens": 12}
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage},
        {"type": "message_stop"},
    ]


def test_a_document() -> None:
    thoughts = Thoughts()
    events = AnthropicAnswer(thoughts).document(
        message(THOUGHT, {"type": "text", "text": "Hi"}, CALL, reason="tool_use")
    )
    assert events == [
        Started(prompt_tokens=10, cached_tokens=5),
        TextDelta(index=0, text="hm", reasoning=True),
        TextDelta(index=0, text="Hi"),
        ToolCallDelta(index=0, call=0, id="t1", name="f"),
        ToolCallDelta(index=0, call=0, arguments='{"a":1}'),
        Finished(index=0, reason="tool_calls"),
        Done(prompt_tokens=10, completion_tokens=7, cached_tokens=5, reasoning_tokens=4),
    ]
    assert thoughts.of("t1") == [THOUGHT]


def test_a_stream() -> None:
    thoughts = Thoughts()
    reader = AnthropicAnswer(thoughts)
    events = streamed(
        reader,
        started(),
        opened(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, "thinking_delta", thinking="h"),
        delta(0, "thinking_delta", thinking="m"),
        delta(0, "signature_delta", signature="S"),
        closed(0),
        opened(1, {"type": "text", "text": ""}),
        delta(1, "text_delta", text="Hi"),
        closed(1),
        opened(2, {"type": "tool_use", "id": "t1", "name": "f", "input": {}}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"a":'),
        delta(2, "input_json_delta", partial_json="1}"),
        closed(2),
        opened(3, {"type": "tool_use", "id": "t2", "name": "g", "input": {}}),
        closed(3),
        *ended("tool_use"),
    )
    assert [*events, *reader.end()] == [
        Started(prompt_tokens=9, cached_tokens=0),
        TextDelta(index=0, text="h", reasoning=True),
        TextDelta(index=0, text="m", reasoning=True),
        TextDelta(index=0, text="Hi"),
        ToolCallDelta(index=0, call=0, id="t1", name="f"),
        ToolCallDelta(index=0, call=0, arguments='{"a":'),
        ToolCallDelta(index=0, call=0, arguments="1}"),
        ToolCallDelta(index=0, call=1, id="t2", name="g"),
        ToolCallDelta(index=0, call=1, arguments="{}"),
        Finished(index=0, reason="tool_calls"),
        Done(prompt_tokens=9, completion_tokens=12),
    ]
    assert thoughts.of("t1") == thoughts.of("t2") == [THOUGHT]


def test_a_json_object_comes_as_a_call() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "json_answer", "input": {"a": 1}}
    events = AnthropicAnswer(Thoughts()).document(message(call, reason="tool_use"))
    assert events[1:3] == [TextDelta(index=0, text='{"a":1}'), Finished(index=0, reason="stop")]
    reader = AnthropicAnswer(Thoughts())
    events = streamed(
        reader,
        started(),
        opened(0, {**call, "input": {}}),
        delta(0, "input_json_delta", partial_json='{"a":1}'),
        closed(0),
        *ended("tool_use"),
    )
    assert events[1:] == [TextDelta(index=0, text='{"a":1}')]
    assert reader.end()[0] == Finished(index=0, reason="stop")


@pytest.mark.parametrize(
    ("reason", "finished"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
    ],
)
def test_why_it_ended(reason: str, finished: Any) -> None:
    events = AnthropicAnswer(Thoughts()).document(message(reason=reason))
    assert events[1] == Finished(index=0, reason=finished)


def test_an_error_inside_a_stream() -> None:
    reader = AnthropicAnswer(Thoughts())
    with pytest.raises(CloudFailed, match="Overloaded"):
        reader.event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_what_is_new_is_skipped() -> None:
    reader = AnthropicAnswer(Thoughts())
    for event in ({"type": "ping"}, {"type": "something_new"}, delta(0, "citations_delta")):
        assert reader.event(event) == []


def test_a_stream_that_is_cut_off() -> None:
    reader = AnthropicAnswer(Thoughts())
    streamed(reader, started(), opened(0, {"type": "text", "text": "H"}))
    with pytest.raises(AnswerCutOff):
        reader.end()
