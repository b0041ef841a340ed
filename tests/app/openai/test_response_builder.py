"""Chat chunks become the events of the Responses API, in OpenAI's order and shape."""

from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from corral.app.openai.responses.builder import ResponseBuilder
from corral.app.openai.responses.request import ResponseRequest

EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 3,
    "total_tokens": 8,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


def chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def build(*chunks: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    request = ResponseRequest(model="m", input="hi")
    builder = ResponseBuilder(request, now=lambda: 1000.0)
    events = builder.start()
    for part in chunks:
        events += builder.feed(part)
    events += builder.finish()
    for event in events:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    Response.model_validate(builder.document)
    return events, builder.document


def test_text() -> None:
    events, document = build(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}, finish_reason="stop"),
        {"choices": [], "usage": USAGE},
    )
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[3]["part"]["text"] == "", "a snapshot, not the growing part"
    assert Response.model_validate(document).output_text == "Hello"
    assert document["usage"]["input_tokens_details"]["cached_tokens"] == 2
    assert document["status"] == "completed"


def test_reasoning_then_two_tool_calls() -> None:
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": index, **fields}]})

    events, document = build(
        chunk({"reasoning_content": "hm"}),
        call(0, id="c0", type="function", function={"name": "add", "arguments": ""}),
        call(0, function={"arguments": '{"a":'}),
        call(0, function={"arguments": "1}"}),
        call(1, id="c1", type="function", function={"name": "sub", "arguments": "{}"}),
        chunk({}, finish_reason="tool_calls"),
    )
    assert [event["type"].removeprefix("response.") for event in events[2:-1]] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert [(item["name"], item["arguments"]) for item in document["output"][1:]] == [
        ("add", '{"a":1}'),
        ("sub", "{}"),
    ]
    assert document["output"][0]["content"][0]["text"] == "hm"


def test_running_out_of_tokens_is_incomplete() -> None:
    events, document = build(chunk({"content": "a"}, finish_reason="length"))
    assert events[-1]["type"] == "response.incomplete"
    assert document["incomplete_details"] == {"reason": "max_output_tokens"}


def test_an_error_is_a_failed_response() -> None:
    builder = ResponseBuilder(ResponseRequest(model="m", input="hi"), now=lambda: 1000.0)
    builder.start()
    builder.feed(chunk({"content": "a"}))
    events = builder.fail({"message": "the worker died", "type": "upstream_error", "code": "endpoint_failed"})
    assert [event["type"] for event in events][-1] == "response.failed"
    assert builder.document["error"] == {"code": "server_error", "message": "the worker died"}
    Response.model_validate(builder.document)
