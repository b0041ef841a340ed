"""OpenAI's requests as Anthropic's."""

from typing import Any

import pytest

from corral.app.cloud.anthropic_request import JSON_TOOL, anthropic_chat
from corral.app.cloud.claude import can_think_freely, most_tokens, version
from corral.app.cloud.thoughts import Thoughts
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest
from tests.app.cloud.test_google_request import CALLED, HELLO, WEATHER, Json

OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-6"
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "S"}
RESULTS = [
    {"role": "tool", "tool_call_id": "c1", "content": "blue"},
    {"role": "tool", "tool_call_id": "c2", "content": ""},
]


def chat(model: str = OLD, thoughts: Thoughts | None = None, **fields: Any) -> Json:
    body = validated(ChatCompletionRequest, {"model": "anthropic:m", "messages": HELLO, **fields})
    return anthropic_chat(body, model, thoughts or Thoughts())


def test_system_and_turns() -> None:
    request = chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c", "reasoning_content": "hm"},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "d"}]},
        ]
    )
    assert request == {
        "model": OLD,
        "max_tokens": 32_000,
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "c"}]},
            {"role": "user", "content": [{"type": "text", "text": "d"}]},
        ],
    }


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 6}),
        ({"temperature": 0, "top_p": 0.5, "top_k": 3}, {"temperature": 0, "top_p": 0.5, "top_k": 3}),
        ({"temperature": 1.5}, {"temperature": 1.0}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"stream": True}, {"stream": True}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        ({"n": 1, "logprobs": False, "presence_penalty": 0, "logit_bias": {}}, {}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "object"}},
                }
            },
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (
            {"reasoning_effort": "high", "max_tokens": 2000, "temperature": 0.5},
            {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1999}},
        ),
        ({"reasoning_effort": "high", "max_tokens": 500}, {"max_tokens": 500}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"thinking": {"type": "adaptive"}, "reasoning_effort": "low"}, {"thinking": {"type": "adaptive"}}),
    ],
)
def test_generation(fields: Json, found: Json) -> None:
    request = chat(**fields)
    del request["messages"], request["model"]
    assert request == {"max_tokens": 32_000} | found


def test_newer_models_decide_how_much_to_think() -> None:
    request = chat(NEW, reasoning_effort="minimal")
    assert request["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert request["output_config"] == {"effort": "low"}


def test_a_forced_call_excludes_thinking() -> None:
    assert "thinking" not in chat(NEW, reasoning_effort="high", tools=[WEATHER], tool_choice="required")


@pytest.mark.parametrize(
    ("choice", "parallel", "found"),
    [
        (None, None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", True, {"type": "any"}),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"type": "function", "function": {"name": "weather"}}, None, {"type": "tool", "name": "weather"}),
    ],
)
def test_tools(choice: Any, parallel: bool | None, found: Json) -> None:
    request = chat(tools=[WEATHER], tool_choice=choice, parallel_tool_calls=parallel)
    assert request["tools"] == [
        {"name": "weather", "description": "Of a city", "input_schema": {"type": "object"}}
    ]
    assert request["tool_choice"] == found


def test_calls_and_their_results() -> None:
    thoughts = Thoughts()
    thoughts.remember("c1", [THOUGHT])
    request = chat(thoughts=thoughts, reasoning_effort="low", messages=[*HELLO, CALLED, *RESULTS])
    assert request["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                THOUGHT,
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "blue"}]},
                {"type": "tool_result", "tool_use_id": "c2"},
            ],
        },
    ]
    assert request["thinking"]["type"] == "enabled"


def test_no_thinking_in_the_middle_of_calls_whose_thoughts_are_lost() -> None:
    assert "thinking" not in chat(reasoning_effort="low", messages=[*HELLO, CALLED, *RESULTS])
    later = [*HELLO, CALLED, *RESULTS, {"role": "assistant", "content": "It is blue."}, *HELLO]
    assert "thinking" in chat(reasoning_effort="low", messages=later)
    assert "thinking" in chat(NEW, reasoning_effort="low", messages=[*HELLO, CALLED, *RESULTS])


def test_ids_of_other_providers() -> None:
    call = {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = chat(
        messages=[
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "functions.f:0", "content": "x"},
        ]
    )
    assert request["messages"][0]["content"][0]["id"] == "functions_f_0"
    assert request["messages"][1]["content"][0]["tool_use_id"] == "functions_f_0"


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                "title": "a.pdf",
            },
        ),
    ],
)
def test_files(part: Json, found: Json) -> None:
    assert chat(messages=[{"role": "user", "content": [part]}])["messages"][0]["content"] == [found]


def test_any_json_object() -> None:
    request = chat(response_format={"type": "json_object"})
    assert request["tool_choice"] == {"type": "tool", "name": JSON_TOOL}
    assert [tool["name"] for tool in request["tools"]] == [JSON_TOOL]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"seed": 1}, "seed"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"response_format": {"type": "json_object"}, "tools": [WEATHER]}, "response_format"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}],
                    }
                ]
            },
            "messages.0.content",
        ),
    ],
)
def test_what_is_refused(fields: Json, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("name", "found", "tokens", "free"),
    [
        ("claude-3-haiku-20240307", (3, 0), 4096, False),
        ("claude-3-5-sonnet-20241022", (3, 5), 8192, False),
        ("claude-3-7-sonnet-latest", (3, 7), 32_000, False),
        ("claude-sonnet-4-20250514", (4, 0), 32_000, False),
        ("claude-haiku-4-5-20251001", (4, 5), 32_000, False),
        ("claude-opus-4-6", (4, 6), 32_000, True),
        ("claude-sonnet-5", (5, 0), 32_000, True),
        ("something-else", None, 32_000, True),
    ],
)
def test_what_a_name_says(name: str, found: tuple[int, int] | None, tokens: int, free: bool) -> None:
    assert (version(name), most_tokens(name), can_think_freely(name)) == (found, tokens, free)
