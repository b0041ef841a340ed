"""Completions, embeddings, reranking and models with the official client on a real socket."""

import base64
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
import pytest_asyncio

from tests.app.api.serving import NODE, Serving, serving
from tests.engines.echo_files import write_echo


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Serving]:
    write_echo(tmp_path)
    async with serving(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(node: Serving) -> AsyncIterator[openai.AsyncOpenAI]:
    async with node.openai() as client:
        yield client


async def test_completions_of_several_prompts(client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(model="parrot", prompt=["one two", "three"], n=2, logprobs=1)
    assert [choice.text for choice in answer.choices] == ["one two", "one two", "three", "three"]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.tokens == ["one", " two"]
    assert answer.choices[0].logprobs.text_offset == [0, 3]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3


async def test_a_streamed_completion_with_echo(client: openai.AsyncOpenAI) -> None:
    stream = await client.completions.create(
        model="parrot",
        prompt="one two",
        echo=True,
        max_tokens=1,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "one twoone"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage is not None


async def test_embeddings_both_ways(client: openai.AsyncOpenAI) -> None:
    plain = await client.embeddings.create(model="parrot", input=["a", "b"], encoding_format="float")
    packed = await client.embeddings.create(model="parrot", input=["a", "b"], encoding_format="base64")
    default = await client.embeddings.create(model="parrot", input=["a", "b"])
    for index in (0, 1):
        vector = plain.data[index].embedding
        assert math.isclose(sum(value * value for value in vector), 1.0, rel_tol=1e-5)
        text = packed.data[index].embedding
        assert isinstance(text, str)
        assert list(struct.unpack(f"<{len(vector)}f", base64.b64decode(text))) == vector
        assert default.data[index].embedding == pytest.approx(vector)
    short = await client.embeddings.create(model="parrot", input=[1, 2, 3], dimensions=5)
    assert len(short.data[0].embedding) == 5
    assert short.usage.prompt_tokens == 3


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
async def test_rerank(node: Serving, path: str) -> None:
    body = {"model": "parrot", "query": "red fox", "documents": ["blue", "red fox", "red"], "top_n": 2}
    async with node.http() as client:
        answer = await client.post(path, json=body)
    assert [result["index"] for result in answer.json()["results"]] == [1, 2]
    assert answer.headers["x-corral-endpoint"] == f"local:{NODE}"


async def test_models(client: openai.AsyncOpenAI) -> None:
    (model,) = [model async for model in client.models.list()]
    assert (model.id, model.object, model.owned_by) == ("parrot", "model", "corral")
    extra = model.model_extra or {}
    assert extra["ready"] is False
    assert extra["lifecycle_status"] == "registered"
    assert extra["nodes"] == [NODE]
    assert extra["capabilities"]["chat_completion"] is True
    assert extra["capabilities"]["image_understanding"] is False
    await client.completions.create(model="parrot", prompt="x")
    again = await client.models.retrieve("parrot")
    assert (again.model_extra or {})["ready"] is True
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("org/name:Q4")


async def test_two_choices_and_logprobs_in_a_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="parrot", messages=[{"role": "user", "content": "a b"}], n=2, logprobs=True, stream=True
    )
    texts = {0: "", 1: ""}
    tokens = 0
    async for chunk in stream:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        tokens += len((choice.logprobs.content or []) if choice.logprobs else [])
    assert texts == {0: "a b", 1: "a b"}
    assert tokens == 4


async def test_silence_is_filled_with_comments(tmp_path: Path) -> None:
    write_echo(tmp_path, "sleepy", load_seconds=0.5)
    async with serving(tmp_path, keep_alive_s=0.05) as node, node.http() as http:
        answer = await http.post(
            "/v1/chat/completions",
            json={"model": "sleepy", "messages": [{"role": "user", "content": "a"}], "stream": True},
        )
    assert answer.text.startswith(": keep-alive\n\n")
    assert answer.text.endswith("data: [DONE]\n\n")
