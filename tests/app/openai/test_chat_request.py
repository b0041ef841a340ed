"""Messages and tools of a chat request."""

from typing import Any

import pytest

from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest
from corral.engines.requests import ChatRequest, ContinuedChat, Message, Tool, ToolCall, ToolChoice

WEATHER = {"name": "weather", "description": "d", "parameters": {"type": "object"}, "strict": True}
CLOCK = {"name": "clock"}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": CLOCK}]
WEATHER_TOOL = Tool(name="weather", description="d", parameters={"type": "object"}, strict=True)
CLOCK_TOOL = Tool(name="clock")


def chat(*messages: dict[str, Any], **fields: Any) -> ChatRequest:
    given = list(messages) or [{"role": "user", "content": "hi"}]
    return validated(ChatCompletionRequest, {"model": "m", "messages": given, **fields}).engine_request()


def test_messages_of_every_role() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    request = chat(
        {"role": "developer", "content": "be brief"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "name": "ann",
        },
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    )
    assert request.messages == (
        Message(role="developer", content="be brief"),
        Message(role="user", content="ab", name="ann"),
        Message(
            role="assistant",
            reasoning_content="hm",
            tool_calls=(ToolCall(id="c1", name="weather", arguments="{}"),),
        ),
        Message(role="tool", content="sun", tool_call_id="c1"),
    )


def test_the_deprecated_function_messages() -> None:
    request = chat(
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    )
    assert request.messages[0].tool_calls == (ToolCall(id="call_f", name="f", arguments="{}"),)
    assert request.messages[1] == Message(role="tool", name="f", content="1", tool_call_id="call_f")


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"role": "user"}, "missing_field", "messages.0.content"),
        ({"role": "tool", "content": "x"}, "missing_field", "messages.0.tool_call_id"),
        ({"content": "x"}, "missing_field", "messages.0.role"),
        ({"role": "wizard", "content": "x"}, "invalid_value", "messages.0.role"),
        ({"role": "user", "content": 5}, "invalid_value", "messages.0.content"),
        ({"role": "user", "content": [{"type": "text"}]}, "missing_field", "messages.0.content.0.text"),
        ({"role": "user", "content": [{"type": "poem"}]}, "invalid_value", "messages.0.content.0"),
        (
            {"role": "user", "content": "x", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
            "invalid_value",
            "messages.0.tool_calls",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
            "model_lacks_capability",
            "messages.0.content.0",
        ),
    ],
)
def test_a_wrong_message_is_named(message: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(message)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("choice", "tools", "expected"),
    [
        (None, (WEATHER_TOOL, CLOCK_TOOL), ToolChoice(mode="auto")),
        ("auto", (WEATHER_TOOL, CLOCK_TOOL), ToolChoice(mode="auto")),
        ("none", (WEATHER_TOOL, CLOCK_TOOL), ToolChoice(mode="none")),
        ("required", (WEATHER_TOOL, CLOCK_TOOL), ToolChoice(mode="required")),
        (
            {"type": "function", "function": {"name": "clock"}},
            (WEATHER_TOOL, CLOCK_TOOL),
            ToolChoice(mode="named", name="clock"),
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "clock"}}],
                },
            },
            (CLOCK_TOOL,),
            ToolChoice(mode="required"),
        ),
    ],
)
def test_tool_choices(choice: object, tools: tuple[Tool, ...], expected: ToolChoice) -> None:
    request = chat(tools=TOOLS, tool_choice=choice)
    assert request.tools == tools
    assert request.tool_choice == expected


def test_functions_are_tools() -> None:
    request = chat(functions=[WEATHER], function_call={"name": "weather"})
    assert request.tools == (WEATHER_TOOL,)
    assert request.tool_choice == ToolChoice(mode="named", name="weather")
    assert not request.parallel_tool_calls


def test_unknown_fields_are_accepted() -> None:
    assert chat(service_tier="auto", metadata={"a": "b"}, made_up=[1]).messages


def test_an_answer_that_goes_on() -> None:
    begun = {"role": "assistant", "content": [{"type": "text", "text": "Once "}]}
    request = chat(
        {"role": "user", "content": "hi"}, begun, continue_final_message=True, add_generation_prompt=False
    )
    assert isinstance(request, ContinuedChat)
    assert (request.messages, request.answer_so_far) == ((Message(role="user", content="hi"),), "Once ")
    assert not isinstance(chat(begun), ContinuedChat)


@pytest.mark.parametrize(
    "last",
    [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "a", "reasoning_content": "b"},
        {"role": "assistant", "content": "a", "function_call": {"name": "f"}},
    ],
)
def test_what_can_not_go_on(last: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat({"role": "user", "content": "hi"}, last, continue_final_message=True)
    assert refused.value.param == "continue_final_message"
