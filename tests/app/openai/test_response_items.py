"""Items of the Responses API as chat messages."""

from typing import Any

import pytest

from corral.app.openai.responses.items import messages_from_items
from corral.app.openai.responses.request import ResponseRequest, chat_body
from corral.engines.errors import InvalidRequest

CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
CHAT_CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("items", "messages"),
    [
        ([{"role": "user", "content": "hi"}], [{"role": "user", "content": "hi"}]),
        (
            [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}] * 2}],
            [{"role": "user", "content": "aa"}],
        ),
        (
            [{"role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}, CALL],
            [{"role": "assistant", "content": "yes", "tool_calls": [CHAT_CALL]}],
        ),
        (
            [CALL, CALL, {"type": "function_call_output", "call_id": "c1", "output": "3"}],
            [
                {"role": "assistant", "content": None, "tool_calls": [CHAT_CALL, CHAT_CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "3"},
            ],
        ),
        (
            [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}, CALL],
            [{"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CHAT_CALL]}],
        ),
        (
            [{"role": "user", "content": [{"type": "input_image", "image_url": "data:x", "detail": "low"}]}],
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}],
                }
            ],
        ),
    ],
)
def test_items_become_messages(items: list[dict[str, Any]], messages: list[dict[str, Any]]) -> None:
    assert messages_from_items(items, instructions=None) == messages


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "computer_call"}, "input.0.type"),
        ({"role": "user"}, "input.0.content"),
        ({"content": "x"}, "input.0.role"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input.0.content.0.type"),
        ({"role": "user", "content": ["text"]}, "input.0.content.0"),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, "input.0.call_id"),
    ],
)
def test_wrong_items_are_named(item: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        messages_from_items([item], instructions=None)
    assert caught.value.param == param


def body(**fields: Any) -> dict[str, Any]:
    request = ResponseRequest.model_validate({"model": "m", "input": "hi", **fields})
    return chat_body(request, request.input_items())


def test_settings_are_translated() -> None:
    schema = {"type": "object"}
    chat = body(
        instructions="be brief",
        max_output_tokens=7,
        temperature=0.5,
        top_k=3,
        text={"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}},
        reasoning={"effort": "low"},
    )
    assert chat["messages"][0] == {"role": "system", "content": "be brief"}
    assert (chat["max_completion_tokens"], chat["temperature"], chat["top_k"]) == (7, 0.5, 3)
    assert chat["response_format"]["json_schema"] == {"name": "n", "schema": schema, "strict": True}
    assert chat["reasoning_effort"] == "low"
    assert chat["stream"] is True


def test_tools_are_translated() -> None:
    tools: list[dict[str, Any]] = [
        {"type": "function", "name": name, "parameters": {}} for name in ("a", "b")
    ]
    assert body(tools=tools, tool_choice={"type": "function", "name": "b"})["tool_choice"] == {
        "type": "function",
        "function": {"name": "b"},
    }
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}
    chat = body(tools=tools, tool_choice=allowed)
    assert chat["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["b"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, "tools.0.name"),
        ({"background": True}, "background"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
    ],
)
def test_what_is_not_supported_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body(**fields)
    assert caught.value.param == param
