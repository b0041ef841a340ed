"""The official `openai` client against a running node with real models."""

import base64
import json
from typing import Any

import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletionToolParam

from tests.acceptance.conftest import BASE, CHAT, EMBEDDER, RERANKER
from tests.acceptance.node import API_KEY, Node

QUESTION: Any = [{"role": "user", "content": "What is the capital city of France? Answer in English."}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_time",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    },
}


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=QUESTION, temperature=0)
    choice = answer.choices[0]
    assert choice.message.content == "The capital city of France is Paris."
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream_gives_the_same_text_and_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "The capital city of France is Paris."
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 9
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_second_question_reuses_the_prompt(client: openai.OpenAI) -> None:
    story = "The shepherd counted his sheep every evening before the sun went down. " * 20
    messages: Any = [{"role": "user", "content": story + "How many sheep?"}]
    for _ in range(2):
        answer = client.chat.completions.create(model=CHAT, messages=messages, temperature=0, max_tokens=4)
    assert answer.usage is not None and answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens_details.cached_tokens or 0) > 200


def test_choices_and_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=QUESTION, n=3, max_tokens=5, logprobs=True, top_logprobs=2, seed=1
    )
    assert sorted(choice.index for choice in answer.choices) == [0, 1, 2]
    for choice in answer.choices:
        assert choice.logprobs is not None and choice.logprobs.content is not None
        assert 1 <= len(choice.logprobs.content) <= 5
        assert all(len(entry.top_logprobs) == 2 and entry.logprob <= 0 for entry in choice.logprobs.content)


def test_a_seed_repeats_the_answer(client: openai.OpenAI) -> None:
    def once() -> str | None:
        answer = client.chat.completions.create(
            model=CHAT,
            messages=[{"role": "user", "content": "Tell me a joke."}],
            seed=42,
            max_tokens=20,
            temperature=1,
        )
        return answer.choices[0].message.content

    assert once() == once()


def test_a_named_tool_is_called(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "Say hello."}],
        tools=[WEATHER, CLOCK],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        max_tokens=300,
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    call = choice.message.tool_calls[0]
    assert call.type == "function" and call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert set(arguments) == {"city", "unit"} and arguments["unit"] in ("celsius", "fahrenheit")


def test_a_required_tool_is_called_while_streaming(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "What time is it?"}],
        tools=[WEATHER, CLOCK],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=300,
        stream=True,
    )
    names, arguments, reasons = [], "", []
    for chunk in stream:
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                names += [call.function.name] if call.function.name else []
                arguments += call.function.arguments or ""
            reasons += [choice.finish_reason] if choice.finish_reason else []
    assert names in (["get_weather"], ["get_time"])
    json.loads(arguments)
    assert reasons == ["tool_calls"]


def test_tools_may_be_left_to_the_model(client: openai.OpenAI) -> None:
    """A 135M model seldom calls by itself; what it says has to come back either way, and results go in."""
    messages: Any = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Paris", "unit": "celsius"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny, 21 degrees"},
    ]
    answer = client.chat.completions.create(
        model=CHAT, messages=messages, tools=[WEATHER], tool_choice="auto", max_tokens=60
    )
    choice = answer.choices[0]
    assert choice.message.content or choice.message.tool_calls
    assert choice.finish_reason in ("stop", "length", "tool_calls")


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=CHAT,
        prompt=["The capital of France is", "One plus one is"],
        max_tokens=5,
        temperature=0,
        echo=True,
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].text.startswith("The capital of France is")
    streamed = client.completions.create(
        model=BASE, prompt="The capital of France is", max_tokens=5, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices)


def test_completion_logprobs(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=CHAT, prompt="One two three", max_tokens=3, logprobs=2, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None and logprobs.tokens is not None and logprobs.top_logprobs is not None
    assert "".join(logprobs.tokens) == answer.choices[0].text
    assert all(len(top) >= 2 for top in logprobs.top_logprobs)


SENTENCES = ["A man is eating food.", "A man eats a meal.", "The stock market fell sharply today."]


def test_embeddings(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDER, input=SENTENCES)
    vectors = [np.array(entry.embedding) for entry in answer.data]
    assert all(abs(float(np.linalg.norm(vector)) - 1) < 1e-5 for vector in vectors)
    assert float(vectors[0] @ vectors[1]) > 0.6
    assert float(vectors[0] @ vectors[2]) < 0.3


def test_embeddings_as_base64_and_shorter(node: Node) -> None:
    with node.client() as http:
        body = {"model": EMBEDDER, "input": SENTENCES[0], "encoding_format": "base64", "dimensions": 64}
        data = http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    vector = np.frombuffer(base64.b64decode(data), "<f4")
    assert vector.shape == (64,)
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_rerank(node: Node) -> None:
    with node.client() as http:
        body = {
            "model": RERANKER,
            "query": "pandas",
            "documents": SENTENCES,
            "top_n": 2,
            "return_documents": True,
        }
        answer = http.post("/v1/rerank", json=body).json()
    scores = [result["relevance_score"] for result in answer["results"]]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True)
    assert all(SENTENCES[result["index"]] in str(result["document"]) for result in answer["results"])


def test_models(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {CHAT, EMBEDDER, RERANKER} <= set(listed)
    found = client.models.retrieve(CHAT)
    assert found.object == "model"
    extra: Any = found.model_extra
    assert extra["capabilities"]["chat_completion"] and not extra["capabilities"]["embeddings"]
    assert extra["quantization"] == "Q4_1" and extra["context_length"] == 8192


def test_responses(client: openai.OpenAI) -> None:
    first = client.responses.create(
        model=CHAT, input="What is the capital city of France? Answer in English.", temperature=0
    )
    assert first.output_text == "The capital city of France is Paris."
    assert client.responses.retrieve(first.id).output_text == first.output_text
    second = client.responses.create(
        model=CHAT, input="Repeat that, please.", previous_response_id=first.id, max_output_tokens=16
    )
    assert second.usage is not None and first.usage is not None
    assert second.usage.input_tokens > first.usage.total_tokens, "the conversation went along"
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_responses_stream(client: openai.OpenAI) -> None:
    stream = client.responses.create(
        model=CHAT, input="What is the capital city of France? Answer in English.", temperature=0, stream=True
    )
    events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_responses_call_tools(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=CHAT,
        input="What time is it?",
        tools=[
            {
                "type": "function",
                "name": "get_time",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            }
        ],
        tool_choice="required",
        max_output_tokens=200,
        store=False,
    )
    calls = [item for item in answer.output if item.type == "function_call"]
    assert calls and calls[0].name == "get_time"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        (
            lambda c: c.chat.completions.create(model="nobody", messages=QUESTION),
            openai.NotFoundError,
            "model_not_found",
        ),
        (
            lambda c: c.chat.completions.create(model=EMBEDDER, messages=QUESTION),
            openai.BadRequestError,
            "model_lacks_capability",
        ),
        (
            lambda c: c.chat.completions.create(model=BASE, messages=QUESTION),
            openai.BadRequestError,
            "model_lacks_capability",
        ),
        (
            lambda c: c.embeddings.create(model=CHAT, input="x"),
            openai.BadRequestError,
            "model_lacks_capability",
        ),
        (
            lambda c: c.chat.completions.create(model=CHAT, messages=QUESTION, temperature=9),
            openai.BadRequestError,
            "invalid_value",
        ),
        (
            lambda c: c.chat.completions.create(
                model=CHAT, messages=[{"role": "user", "content": "word " * 9000}], max_tokens=1
            ),
            openai.BadRequestError,
            "context_length_exceeded",
        ),
        (
            lambda c: c.chat.completions.create(
                model=CHAT,
                messages=QUESTION,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "array", "uniqueItems": True}},
                },
            ),
            openai.BadRequestError,
            "unsupported_schema",
        ),
        (
            lambda c: c.with_options(api_key="sk_wrong").models.list(),
            openai.AuthenticationError,
            "invalid_api_key",
        ),
        (
            lambda c: c.chat.completions.create(model="openai:gpt-5", messages=QUESTION),
            openai.AuthenticationError,
            "cloud_key_missing",
        ),
    ],
)
def test_errors(client: openai.OpenAI, call: Any, error: type[openai.APIStatusError], code: str) -> None:
    with pytest.raises(error) as caught:
        call(client)
    assert caught.value.code == code
    assert caught.value.type and caught.value.message
    assert API_KEY not in caught.value.message
