"""Messages as Anthropic's clients write them, and the chats that they become. Pure."""

from typing import Any

import pytest

from corral.app.dialects.anthropic.request import MessagesRequest
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest

ASKED = [{"role": "user", "content": "hi"}]
PIXEL = {"type": "base64", "media_type": "image/png", "data": "aGk="}
TOOL = {"name": "add", "description": "adds", "input_schema": {"type": "object"}}


def chat(**fields: Any) -> dict[str, Any]:
    """The chat completion; it must be one that can be answered."""
    wanted = validated(MessagesRequest, {"model": "m", "max_tokens": 5, "messages": ASKED, **fields})
    body = wanted.chat_body()
    validated(ChatCompletionRequest, body)
    return body


def said(*blocks: dict[str, Any], role: str = "user") -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = chat(messages=[{"role": role, "content": list(blocks)}])["messages"]
    return messages


def test_a_plain_request() -> None:
    assert chat() == {
        "model": "m",
        "messages": ASKED,
        "max_tokens": 5,
        "chat_template_kwargs": {"enable_thinking": False},
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"temperature": 0.5, "top_p": 0.9, "top_k": 7}, {"temperature": 0.5, "top_p": 0.9, "top_k": 7}),
        ({"top_p": 0}, {"top_p": 1.0, "temperature": 0.0}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"thinking": {"type": "disabled"}}, {"chat_template_kwargs": {"enable_thinking": False}}),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "high"},
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
        ({"model": "openai:gpt"}, {"max_completion_tokens": 5}),
        (
            {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}},
                    }
                ],
                "tool_choice": "required",
                "parallel_tool_calls": False,
            },
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "add"}},
            {"tool_choice": {"type": "function", "function": {"name": "add"}}},
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
    ],
)
def test_fields(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    body = chat(**fields)
    assert {name: body[name] for name in expected} == expected


def test_unknown_fields_are_accepted_and_not_passed_on() -> None:
    body = chat(
        metadata={"user_id": "user_1"},
        context_management={"edits": []},
        system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    )
    assert set(body) == {"model", "messages", "max_tokens", "chat_template_kwargs"}
    assert body["messages"][0] == {"role": "system", "content": "be brief"}


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("be brief", "be brief"),
        ("x-anthropic-billing-header: cc_version=2; cch=1;\nbe brief", "be brief"),
        (
            [
                {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=a1;"},
                {"type": "text", "text": "You are Claude Code."},
                {"type": "text", "text": "Be brief."},
            ],
            "You are Claude Code.\n\nBe brief.",
        ),
    ],
)
def test_the_system_prompt_without_what_changes_each_time(system: Any, expected: str) -> None:
    assert chat(system=system)["messages"][0] == {"role": "system", "content": expected}


def test_a_conversation_with_tools() -> None:
    messages = chat(
        messages=[
            *ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "redacted_thinking", "data": "?"},
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
                    {"type": "tool_use", "id": "t2", "name": "add", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "t2",
                        "content": [{"type": "text", "text": "2"}, {"type": "text", "text": "3"}],
                    },
                    {"type": "text", "text": "go on"},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t3", "is_error": True}]},
        ]
    )["messages"]
    call = {"id": "t1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    empty = {"id": "t2", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    assert messages == [
        *ASKED,
        {
            "role": "assistant",
            "content": "let me see",
            "reasoning_content": "hm",
            "tool_calls": [call, empty],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "1"},
        {"role": "tool", "tool_call_id": "t2", "content": "2\n\n3"},
        {"role": "user", "content": "go on"},
        {"role": "tool", "tool_call_id": "t3", "content": "the tool failed"},
    ]


def test_pictures_and_documents() -> None:
    (message,) = said(
        {"type": "text", "text": "see"},
        {"type": "image", "source": PIXEL},
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {"type": "document", "title": "T", "source": {"type": "text", "data": "words"}},
        {"type": "search_result", "title": "S", "content": [{"type": "text", "text": "found"}]},
    )
    assert message["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
        {"type": "text", "text": "T"},
        {"type": "text", "text": "words"},
        {"type": "text", "text": "S\nfound"},
    ]


def test_an_answer_that_has_been_begun_is_to_go_on() -> None:
    body = chat(messages=[*ASKED, {"role": "assistant", "content": "{"}])
    assert body["continue_final_message"] is True and body["add_generation_prompt"] is False
    assert "continue_final_message" not in chat()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"stop_sequences": [""]}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "poem"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "messages.0.content.0.source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64"}}]}]},
            "messages.0.content.0.source",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"name": "add"}]}, "tools.0.input_schema"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice"),
        ({"system": [{"type": "image"}]}, "system.0"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    assert caught.value.param == where
    assert where in caught.value.message
