"""Ranges of the request fields, and which field an error names."""

from typing import Any

import pytest

from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.completions import TextCompletionRequest
from corral.app.openai.translate import TRANSLATIONS
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest
from corral.engines.requests import ChatRequest, CompletionRequest, Gbnf, JsonObject, JsonSchema, Sampling

USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def chat(**fields: Any) -> ChatRequest:
    json = {"model": "m", "messages": [USER], **fields}
    return validated(ChatCompletionRequest, json).engine_request()


def completion(**fields: Any) -> tuple[CompletionRequest, ...]:
    return validated(TextCompletionRequest, {"model": "m", "prompt": "hi", **fields}).engine_requests()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": True}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"stop": [str(number) for number in range(17)]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": [1]}, "stop.0"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"typical_p": 0}, "typical_p"),
        ({"repeat_penalty": 0}, "repeat_penalty"),
        ({"repetition_penalty": 11}, "repetition_penalty"),
        ({"seed": 2**63}, "seed"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"response_format": {"type": "json_object"}, "grammar": "root ::= x"}, "grammar"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"function_call": {"name": "f"}, "functions": [{"name": "g"}]}, "function_call"),
    ],
)
def test_a_wrong_chat_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    assert caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logprobs": 6}, "logprobs"),
        ({"best_of": 3}, "best_of"),
        ({"suffix": "x", "echo": True}, "echo"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [-1]}, "prompt.0"),
        ({"prompt": ["x"] * 65, "n": 2}, "prompt"),
    ],
)
def test_a_wrong_completion_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        completion(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize("path", TRANSLATIONS)
def test_what_is_missing_is_said_to_be_missing(path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        TRANSLATIONS[path]({"model": "m"}, 0)
    assert caught.value.code == "missing_field"
    assert caught.value.param in ("messages", "prompt", "input", "query", "documents", "chat")


def test_sampling_fields_reach_the_engine() -> None:
    sampling = chat(
        temperature=0,
        top_p=0.5,
        top_k=-1,
        min_p=0.1,
        typical_p=0.9,
        repetition_penalty=1.1,
        presence_penalty=1,
        frequency_penalty=-1,
        logit_bias={"7": -100},
        seed=3,
    ).generation.sampling
    assert sampling == Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=0,
        min_p=0.1,
        typical_p=0.9,
        repeat_penalty=1.1,
        presence_penalty=1.0,
        frequency_penalty=-1.0,
        logit_bias={7: -100.0},
        seed=3,
    )


def test_nothing_asked_means_the_defaults() -> None:
    generation = chat(stop=None, temperature=None, n=None).generation
    assert generation.sampling == Sampling()
    assert (generation.max_tokens, generation.stop, generation.n) == (None, (), 1)
    assert generation.top_logprobs is None


def test_limits_and_logprobs() -> None:
    generation = chat(max_tokens=5, max_completion_tokens=7.0, stop="x", n=2, logprobs=True).generation
    assert (generation.max_tokens, generation.stop, generation.n, generation.top_logprobs) == (
        7,
        ("x",),
        2,
        0,
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, JsonObject()),
        ({"response_format": {"type": "json_object", "schema": SCHEMA}}, JsonSchema(schema=SCHEMA)),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": SCHEMA, "strict": True},
                }
            },
            JsonSchema(schema=SCHEMA),
        ),
        ({"grammar": 'root ::= "x"'}, Gbnf(grammar='root ::= "x"')),
    ],
)
def test_output_formats(fields: dict[str, Any], expected: object) -> None:
    assert chat(**fields).generation.output_format == expected


def test_template_variables() -> None:
    assert chat(reasoning_effort="low").template_variables == {"reasoning_effort": "low"}
    assert chat(reasoning_effort="none").template_variables == {
        "reasoning_effort": "none",
        "enable_thinking": False,
    }
    assert chat(chat_template_kwargs={"enable_thinking": True}).template_variables == {
        "enable_thinking": True
    }


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [(1, 2)]),
        ([[1, 2], [3]], [(1, 2), (3,)]),
    ],
)
def test_prompts_of_every_kind(prompt: object, expected: list[object]) -> None:
    assert [request.prompt for request in completion(prompt=prompt)] == expected


def test_a_plain_completion_has_an_end() -> None:
    (request,) = completion(logprobs=3)
    assert request.generation.max_tokens == 16
    assert request.generation.top_logprobs == 3
