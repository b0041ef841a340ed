"""OpenAI's own client asks each provider through a node."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import pytest_asyncio

from tests.app.api.serving import API_KEY, Serving
from tests.app.cloud.providers import CLOUDS, MODELS, behind
from tests.fakes.anthropic_cloud_server import AnthropicCloud
from tests.fakes.cloud_server import CloudServer
from tests.fakes.google_cloud_server import GoogleCloud
from tests.fakes.openai_cloud_server import SOUND, OpenAICloud

HELLO: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
NAMES = {"openai:": "OpenAI", "google:": "Google", "anthropic:": "Anthropic"}
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
SCHEMA: Any = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "schema": {"type": "object", "additionalProperties": False}},
}
PICTURES: list[Any] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
    }
]


class Asked:
    """A node with a provider behind it, and a client in front."""

    def __init__(self, node: Serving, cloud: CloudServer) -> None:
        self.node = node
        self.cloud = cloud
        self.client = node.openai()
        self.model = MODELS[cloud.prefix]
        self.hello = f"Hello from {NAMES[cloud.prefix]}"


@pytest_asyncio.fixture(params=CLOUDS, ids=lambda cloud: cloud.prefix)
async def asked(request: Any, tmp_path: Path) -> AsyncIterator[Asked]:
    async with behind(request.param, tmp_path) as (node, cloud):
        found = Asked(node, cloud)
        async with found.client:
            yield found


def only(kind: type[CloudServer]) -> pytest.MarkDecorator:
    """Of the providers this one."""
    return pytest.mark.parametrize("asked", [kind], indirect=True, ids=[kind.prefix])


async def test_a_chat(asked: Asked) -> None:
    answer = await asked.client.chat.completions.create(
        model=asked.model, messages=HELLO, max_tokens=50, temperature=0.5, top_p=0.9, stop=["x"]
    )
    assert answer.model == asked.model
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (asked.hello, "stop")
    assert answer.usage is not None and answer.usage.prompt_tokens_details is not None
    counts = answer.usage.prompt_tokens, answer.usage.completion_tokens
    assert (counts, answer.usage.prompt_tokens_details.cached_tokens) == ((11, 7), 4)
    [record] = asked.node.log.records
    assert (record.trace.prompt_tokens, record.trace.completion_tokens) == (11, 7)
    assert record.trace.endpoint_id == f"cloud:{asked.cloud.prefix[:-1]}"


async def test_a_stream(asked: Asked) -> None:
    stream = await asked.client.chat.completions.create(
        model=asked.model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == asked.hello
    assert sum(text != "" for text in texts) >= 3
    assert {chunk.model for chunk in chunks} == {asked.model}
    assert [choice.finish_reason for choice in chunks[-2].choices] == ["stop"]
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 18
    assert asked.node.log.records[0].trace.completion_tokens == 7


@pytest.mark.parametrize("stream", [False, True])
async def test_parallel_calls_and_their_results(asked: Asked, stream: bool) -> None:
    """Also with thoughts, whose signatures the provider wants back."""
    calls = await _calls(asked, stream=stream)
    assert [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls] == [
        ("weather", {"city": "Rome"}),
        ("weather", {"city": "Oslo"}),
    ]
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": call["id"], "content": '{"sky":"blue"}'} for call in calls),
    ]
    answer = await asked.client.chat.completions.create(
        model=asked.model, messages=messages, tools=WEATHER, reasoning_effort="low"
    )
    assert answer.choices[0].message.content == asked.hello


async def _calls(asked: Asked, *, stream: bool) -> list[Any]:
    wanted: dict[str, Any] = {
        "model": asked.model,
        "messages": HELLO,
        "tools": WEATHER,
        "reasoning_effort": "low",
    }
    if not stream:
        answer = await asked.client.chat.completions.create(**wanted)
        assert answer.choices[0].finish_reason == "tool_calls"
        return [call.model_dump() for call in answer.choices[0].message.tool_calls or ()]
    calls: dict[int, Any] = {}
    pieces = 0
    async for chunk in await asked.client.chat.completions.create(**wanted, stream=True):
        for delta in chunk.choices[0].delta.tool_calls or () if chunk.choices else ():
            pieces += 1
            call = calls.setdefault(delta.index, {"type": "function", "function": {"arguments": ""}})
            assert delta.function is not None
            call["id"] = delta.id or call["id"]
            call["function"]["name"] = delta.function.name or call["function"]["name"]
            call["function"]["arguments"] += delta.function.arguments or ""
    assert pieces >= 2
    return list(calls.values())


async def test_a_forced_call(asked: Asked) -> None:
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    answer = await asked.client.chat.completions.create(
        model=asked.model, messages=HELLO, tools=WEATHER, tool_choice=choice, parallel_tool_calls=False
    )
    assert answer.choices[0].message.tool_calls


async def test_json(asked: Asked) -> None:
    for form in ({"type": "json_object"}, SCHEMA):
        for stream in (False, True):
            assert await _json(asked, form, stream=stream) == ({"answer": 42}, "stop")


async def _json(asked: Asked, form: Any, *, stream: bool) -> tuple[Any, str | None]:
    wanted: dict[str, Any] = {"model": asked.model, "messages": HELLO, "response_format": form}
    if stream:
        chunks = [each async for each in await asked.client.chat.completions.create(**wanted, stream=True)]
        text = "".join(choice.delta.content or "" for each in chunks for choice in each.choices)
        reason = chunks[-1].choices[0].finish_reason
    else:
        [choice] = (await asked.client.chat.completions.create(**wanted)).choices
        text, reason = choice.message.content or "", choice.finish_reason
    return json.loads(text), reason


async def test_pictures(asked: Asked) -> None:
    await asked.client.chat.completions.create(model=asked.model, messages=PICTURES)
    assert b"iVBORw0KGgo=" in asked.cloud.last.body
    assert b"https://example.com/a.png" in asked.cloud.last.body


@pytest.mark.parametrize("asked", [GoogleCloud, AnthropicCloud], indirect=True, ids=["google", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts(asked: Asked, stream: bool) -> None:
    wanted: dict[str, Any] = {"model": asked.model, "messages": HELLO, "reasoning_effort": "low"}
    if stream:
        chunks = [each async for each in await asked.client.chat.completions.create(**wanted, stream=True)]
        extras = [choice.delta.model_extra or {} for each in chunks for choice in each.choices]
        thought = "".join(each.get("reasoning_content", "") for each in extras)
    else:
        answer = await asked.client.chat.completions.create(**wanted)
        thought = (answer.choices[0].message.model_extra or {})["reasoning_content"]
        assert answer.usage is not None and answer.usage.completion_tokens_details is not None
        assert answer.usage.completion_tokens_details.reasoning_tokens == 2
    assert thought == "Hm. "


async def test_a_conversation_with_thoughts_in_it(asked: Asked) -> None:
    """OpenAI refuses the field."""
    messages = [*HELLO, {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."}, HELLO[1]]
    answer = await asked.client.chat.completions.create(model=asked.model, messages=messages)
    assert answer.choices[0].message.content == asked.hello


async def test_responses(asked: Asked) -> None:
    first = await asked.client.responses.create(model=asked.model, instructions="Be brief.", input="Hi")
    assert (first.output_text, first.status) == (asked.hello, "completed")
    assert first.usage is not None and first.usage.total_tokens == 18
    second = await asked.client.responses.create(
        model=asked.model, input="And again", previous_response_id=first.id
    )
    assert second.output_text == asked.hello
    assert b"Hi" in asked.cloud.last.body and asked.hello.encode() in asked.cloud.last.body


async def test_responses_with_calls_as_a_stream(asked: Asked) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    events = [
        event
        async for event in await asked.client.responses.create(
            model=asked.model, input="Hi", tools=[tool], stream=True
        )
    ]
    last = events[-1]
    assert last.type == "response.completed"
    calls = [item for item in last.response.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Rome"}, {"city": "Oslo"}]


async def test_completions(asked: Asked) -> None:
    answer = await asked.client.completions.create(model=asked.model, prompt="Say hello", max_tokens=20)
    assert (answer.choices[0].text, answer.model) == (asked.hello, asked.model)


@pytest.mark.parametrize("asked", [OpenAICloud, GoogleCloud], indirect=True, ids=["openai", "google"])
async def test_embeddings(asked: Asked) -> None:
    model = {"openai:": "openai:text-embedding-a", "google:": "google:embedding-a"}[asked.cloud.prefix]
    answer = await asked.client.embeddings.create(
        model=model, input=["a", "b"], encoding_format="float", dimensions=2
    )
    assert [each.embedding for each in answer.data] == [[0.5, 0.25], [0.5, 0.25]]
    assert answer.model == model


async def test_anthropics_client_asks_and_counts(asked: Asked) -> None:
    """Anthropic's dialect in front, the provider's behind."""
    messages: list[Any] = [{"role": "user", "content": "Hi"}]
    async with anthropic.AsyncAnthropic(base_url=asked.node.url, api_key=API_KEY, max_retries=0) as client:
        answer = await client.messages.create(model=asked.model, max_tokens=50, messages=messages)
        assert answer.content[0].type == "text" and answer.content[0].text == asked.hello
        if asked.cloud.prefix != "openai:":
            counted = await client.messages.count_tokens(model=asked.model, messages=messages)
            assert counted.input_tokens == 11


@only(AnthropicCloud)
async def test_anthropic_has_no_embeddings(asked: Asked) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await asked.client.embeddings.create(model=asked.model, input="a")
    assert refused.value.code == "model_lacks_capability"


@only(AnthropicCloud)
async def test_the_misspelt_prefix(asked: Asked) -> None:
    answer = await asked.client.chat.completions.create(model="ahtnorpic:claude-a", messages=HELLO)
    assert answer.choices[0].message.content == asked.hello
    assert asked.cloud.last.json["model"] == "claude-a"


@only(OpenAICloud)
async def test_speech_and_pictures(asked: Asked) -> None:
    speech = await asked.client.audio.speech.create(model="openai:tts-1", voice="alloy", input="Hi")
    assert speech.content == SOUND
    text = await asked.client.audio.transcriptions.create(model="openai:whisper-1", file=("a.wav", b"RIFF"))
    assert text.text == "what was said"
    pictures = await asked.client.images.generate(model="openai:dall-e-3", prompt="A cat")
    assert pictures.data is not None and pictures.data[0].b64_json == "AAAA"


@only(OpenAICloud)
async def test_thinking_models_of_openai_have_another_name_for_the_limit(asked: Asked) -> None:
    await asked.client.chat.completions.create(model="openai:gpt-5", messages=HELLO, max_tokens=7)
    assert asked.cloud.last.json["max_completion_tokens"] == 7
    assert "max_tokens" not in asked.cloud.last.json


@pytest.mark.parametrize("asked", [GoogleCloud, AnthropicCloud], indirect=True, ids=["google", "anthropic"])
async def test_what_a_provider_has_nothing_like_is_refused(asked: Asked) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await asked.client.chat.completions.create(model=asked.model, messages=HELLO, logit_bias={"1": 1})
    assert refused.value.param == "logit_bias"
    assert asked.cloud.received == []
