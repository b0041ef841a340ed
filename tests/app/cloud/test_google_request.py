"""OpenAI's requests as Gemini's."""

from typing import Any

import pytest

from corral.app.cloud.google_request import google_chat, google_embeddings
from corral.app.cloud.thoughts import Thoughts
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.embeddings import EmbeddingsRequest
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest

Json = dict[str, Any]
HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city", "parameters": {"type": "object"}},
}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
        {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": ""}},
    ],
}


def chat(model: str = "gemini-2.5-flash", thoughts: Thoughts | None = None, **fields: Any) -> Json:
    body = validated(ChatCompletionRequest, {"model": "google:m", "messages": HELLO, **fields})
    return google_chat(body, model, thoughts or Thoughts())


def test_system_and_turns() -> None:
    request = chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "c"},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "d"},
        ]
    )
    assert request == {
        "systemInstruction": {"parts": [{"text": "Be brief.\n\nBe kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "c"}]},
            {"role": "user", "parts": [{"text": "d"}]},
        ],
        "generationConfig": {},
    }


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({"max_tokens": 5}, {"maxOutputTokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"maxOutputTokens": 6}),
        (
            {"temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 7},
            {"temperature": 0, "topP": 0.5, "topK": 3, "seed": 7},
        ),
        ({"top_k": -1, "n": 1}, {}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["x", "y"], "n": 2}, {"stopSequences": ["x", "y"], "candidateCount": 2}),
        ({"presence_penalty": 1, "frequency_penalty": -1}, {"presencePenalty": 1, "frequencyPenalty": -1}),
        ({"logprobs": True}, {"responseLogprobs": True}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "object"}},
                }
            },
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
        ({"reasoning_effort": "low"}, {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}),
        ({"reasoning_effort": "none"}, {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}}),
    ],
)
def test_generation(fields: Json, config: Json) -> None:
    assert chat(**fields)["generationConfig"] == config


def test_newer_models_think_in_levels() -> None:
    config = chat("gemini-3-pro", reasoning_effort="high")["generationConfig"]
    assert config == {"thinkingConfig": {"thinkingLevel": "high", "includeThoughts": True}}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (None, {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "weather"}},
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_tools(choice: Any, calling: Json) -> None:
    request = chat(tools=[WEATHER], tool_choice=choice)
    declaration = {"name": "weather", "description": "Of a city", "parametersJsonSchema": {"type": "object"}}
    assert request["tools"] == [{"functionDeclarations": [declaration]}]
    assert request["toolConfig"] == {"functionCallingConfig": calling}


def test_calls_and_their_results() -> None:
    thoughts = Thoughts()
    thoughts.remember("c1", "SIGNED")
    request = chat(
        thoughts=thoughts,
        messages=[
            *HELLO,
            CALLED,
            {"role": "tool", "tool_call_id": "c1", "content": '{"sky":"blue"}'},
            {"role": "tool", "tool_call_id": "c2", "content": "none"},
        ],
    )
    assert request["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "SIGNED"},
                {"functionCall": {"name": "weather", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"sky": "blue"}}},
                {"functionResponse": {"name": "weather", "response": {"result": "none"}}},
            ],
        },
    ]


def test_calls_that_the_model_did_not_make_itself() -> None:
    parts = chat("gemini-3-pro", messages=[*HELLO, CALLED])["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["skip_thought_signature_validator", None]


def test_functions_in_the_deprecated_form() -> None:
    request = chat(
        functions=[WEATHER["function"]],
        messages=[
            *HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "7"},
        ],
    )
    assert request["contents"][-1]["parts"] == [
        {"functionResponse": {"name": "weather", "response": {"result": 7}}}
    ]


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.webp?b=c.png"}},
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/a.webp?b=c.png"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        ),
    ],
)
def test_files(part: Json, found: Json) -> None:
    assert chat(messages=[{"role": "user", "content": [part]}])["contents"][0]["parts"] == [found]


def test_native_fields_are_passed_on_and_unknown_ones_are_not() -> None:
    request = chat(safetySettings=[{"category": "C", "threshold": "T"}], metadata={"a": "b"})
    assert set(request) == {"contents", "generationConfig", "safetySettings"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"grammar": "root ::= x"}, "grammar"),
        ({"top_logprobs": 2}, "top_logprobs"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}]}
                ]
            },
            "messages.0.content.0.image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0.file.file_data",
        ),
        (
            {
                "messages": [
                    {
                        "role": "system",
                        "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}],
                    }
                ]
            },
            "messages.0.content",
        ),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages.0.tool_call_id"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}],
                    }
                ]
            },
            "messages.0.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_is_refused(fields: Json, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields)
    assert refused.value.param == param


def test_embeddings() -> None:
    body = validated(EmbeddingsRequest, {"model": "google:e", "input": ["a", "b"], "dimensions": 2})
    assert google_embeddings(body, "e") == {
        "requests": [
            {"model": "models/e", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2}
            for text in ("a", "b")
        ]
    }
    with pytest.raises(InvalidRequest):
        google_embeddings(validated(EmbeddingsRequest, {"model": "google:e", "input": [1, 2]}), "e")
