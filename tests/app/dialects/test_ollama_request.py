"""Requests as Ollama's clients write them, and what they become. Pure."""

from typing import Any

import pytest

from corral.app.dialects.ollama.names import listed_name, shown_name
from corral.app.dialects.ollama.request import ChatBody, GenerateBody
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.completions import TextCompletionRequest
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest

ASKED = [{"role": "user", "content": "hi"}]
PNG = "iVBORw0KGgo="


def chat(**fields: Any) -> dict[str, Any]:
    """The chat completion; it must be one that can be answered."""
    body = validated(ChatBody, {"model": "m", "messages": ASKED, "stream": False, **fields}).chat_body()
    validated(ChatCompletionRequest, body)
    return body


def prompt(**fields: Any) -> GenerateBody:
    body = validated(GenerateBody, {"model": "m", "prompt": "hi", "stream": False, **fields})
    body.check()
    return body


@pytest.mark.parametrize(
    ("name", "listed", "expected"),
    [
        ("parrot", {"parrot"}, "parrot"),
        ("parrot:latest", {"parrot"}, "parrot"),
        ("parrot:LATEST", {"parrot"}, "parrot"),
        ("parrot:latest", {"parrot:latest"}, "parrot:latest"),
        ("parrot", {"parrot:latest"}, "parrot:latest"),
        ("parrot", set(), "parrot"),
        ("parrot:q4", {"parrot:q4"}, "parrot:q4"),
        ("parrot:q4", {"parrot"}, "parrot:q4"),
    ],
)
def test_names(name: str, listed: set[str], expected: str) -> None:
    assert listed_name(name, listed.__contains__) == expected


def test_shown_names_have_a_tag() -> None:
    assert [shown_name("a"), shown_name("a:Q4")] == ["a:latest", "a:Q4"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"model": "m", "messages": ASKED}),
        ({"stream": None}, {"stream": True, "stream_options": {"include_usage": True}}),
        (
            {"options": {"num_predict": 9, "temperature": 0, "top_k": 0, "seed": 1, "stop": ["x"]}},
            {"max_tokens": 9, "temperature": 0, "top_k": 0, "seed": 1, "stop": ["x"]},
        ),
        ({"options": {"top_p": 0}}, {"top_p": 1.0, "temperature": 0.0}),
        ({"format": "json"}, {"response_format": {"type": "json_object"}}),
        (
            {"format": {"type": "object"}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
        ({"think": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
        (
            {"think": "low"},
            {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "low"},
        ),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    ],
)
def test_fields(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    body = chat(**fields)
    assert {name: body[name] for name in expected} == expected


def test_options_of_loading_and_no_limits_are_left_out() -> None:
    options = {"num_ctx": 4096, "num_predict": -1, "num_gpu": 1, "mirostat": 0, "seed": -1, "stop": []}
    assert chat(options=options, keep_alive="5m", format="") == {"model": "m", "messages": ASKED}


def test_a_conversation_with_tools_and_pictures() -> None:
    """Calls without ids and answers that name the tool, or nothing, find each other."""
    function = {"name": "add", "arguments": {"a": 1}}
    messages = chat(
        messages=[
            {"role": "user", "content": "see", "images": [PNG]},
            {
                "role": "assistant",
                "content": "",
                "thinking": "hm",
                "tool_calls": [{"function": function}, {"function": {"name": "sub", "arguments": {}}}],
            },
            {"role": "tool", "tool_name": "sub", "content": "2"},
            {"role": "tool", "content": "1"},
            {"role": "assistant", "tool_calls": [{"id": "x", "function": function}]},
            {"role": "tool", "tool_call_id": "x", "content": "3"},
        ],
        tools=[{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}],
    )["messages"]
    assert messages[0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    assert messages[1]["reasoning_content"] == "hm"
    first, second = messages[1]["tool_calls"]
    assert first["function"] == {"name": "add", "arguments": '{"a":1}'}
    assert messages[2]["tool_call_id"] == second["id"] != first["id"]
    assert messages[3]["tool_call_id"] == first["id"]
    assert (messages[4]["tool_calls"][0]["id"], messages[5]["tool_call_id"]) == ("x", "x")


def test_a_prompt_is_a_chat_unless_it_is_raw() -> None:
    assert prompt(system="be brief").chat_body()["messages"] == [
        {"role": "system", "content": "be brief"},
        *ASKED,
    ]
    assert not prompt().is_plain
    for fields in ({"raw": True}, {"suffix": "!"}, {"template": "{{ .Prompt }}"}):
        body = prompt(**fields)
        assert body.is_plain
        plain = body.plain_body(most_tokens=7)
        validated(TextCompletionRequest, plain)
        assert (plain["prompt"], plain["max_tokens"]) == ("hi", 7)
    assert prompt(raw=True, options={"num_predict": 3}).plain_body(most_tokens=7)["max_tokens"] == 3


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"template": "{{ .System }} {{ .Prompt }}"}, "template"),
        ({"context": [1, 2]}, "context"),
        ({"raw": True, "images": [PNG]}, "images"),
        ({"format": "yaml"}, "format"),
        ({"think": "much"}, "think"),
    ],
)
def test_what_can_not_be_done_is_said(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prompt(**fields).chat_body()
    assert caught.value.param == where


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([{"role": "robot"}], "messages.0.role"),
        ([{"role": "user", "content": 5}], "messages.0.content"),
        ([{"role": "user", "images": [5]}], "messages.0.images"),
        ([{"role": "assistant", "tool_calls": 5}], "messages.0.tool_calls"),
        ([{"role": "assistant", "tool_calls": [{}]}], "messages.0.tool_calls.0.function"),
    ],
)
def test_wrong_messages_are_named(messages: list[dict[str, Any]], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(messages=messages)
    assert caught.value.param == where
