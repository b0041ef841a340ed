"""A real llama-server behind a node: what it answers comes through, and its work ends when a client leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import openai
import pytest

from bench.servers import Shape, xllamacpp_server
from corral.app.gateway.experience import Experience
from tests.app.api.serving import Serving, serving
from tests.app.upstream.asking import endpoint_over, upstream_client

SHAPE = Shape(
    threads=1, context_tokens=2048, batch_tokens=256, sequences=2, unified=False, flash_attention=False
)
NAME = "smollm"


async def test_a_llama_server_behind_a_node(starter_model: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    experience = Experience()
    async with (
        xllamacpp_server(starter_model, SHAPE, tmp_path) as server,
        upstream_client() as upstream,
    ):
        endpoint = endpoint_over(
            server.address.url, upstream, names={NAME: server.model}, experience=experience
        )
        async with serving(tmp_path / "models", endpoints=[endpoint]) as node, node.openai() as client:
            await _chats(node, client)
            await _others(client)
            await _leaving(node, client, server.address.url)
    assert experience.paces.of((endpoint.id, NAME), now=0.0).decode is not None


async def _chats(node: Serving, client: openai.AsyncOpenAI) -> None:
    asked = {"model": NAME, "max_tokens": 9, "temperature": 0, "seed": 1}
    messages = [{"role": "user", "content": "Say hello."}]
    whole = await client.chat.completions.create(**asked, messages=messages)  # type: ignore[call-overload]
    stream = await client.chat.completions.create(**asked, messages=messages, stream=True)  # type: ignore[call-overload]
    chunks = [chunk async for chunk in stream]
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == whole.choices[0].message.content != ""
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert {whole.model, *(chunk.model for chunk in chunks)} == {NAME}
    first, second = (record.trace for record in node.log.records)
    assert first.completion_tokens == second.completion_tokens == whole.usage.completion_tokens
    assert first.prompt_tokens == second.prompt_tokens == whole.usage.prompt_tokens
    assert second.first_token_s is not None


async def _others(client: openai.AsyncOpenAI) -> None:
    text = await client.completions.create(model=NAME, prompt="One two", max_tokens=2)
    assert text.choices[0].text
    response = await client.responses.create(model=NAME, input="Say hello.", max_output_tokens=4)
    assert response.usage is not None and response.usage.output_tokens == 4
    with pytest.raises(openai.BadRequestError) as refused:
        message = {"role": "user", "content": "word " * 3000}
        await client.chat.completions.create(model=NAME, messages=[message])  # type: ignore[list-item]
    assert "context" in refused.value.message
    with pytest.raises(openai.APIStatusError) as not_there:
        await client.embeddings.create(model=NAME, input="x")
    assert not_there.value.status_code in (400, 404)


async def _leaving(node: Serving, client: openai.AsyncOpenAI, url: str) -> None:
    stream = await client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "Count."}],
        max_tokens=1500,
        stream=True,
        extra_body={"ignore_eos": True},  # every eighth answer is over after a second otherwise
    )
    assert await anext(aiter(stream))
    async with httpx.AsyncClient(base_url=url) as http:
        await _until(lambda: _busy(http))
        await stream.close()
        await _until(lambda: _idle(http))
    assert node.log.records[-1].outcome == "cancelled"


async def _busy(http: httpx.AsyncClient) -> bool:
    return any(slot["is_processing"] for slot in (await http.get("/slots")).json())


async def _idle(http: httpx.AsyncClient) -> bool:
    return not await _busy(http)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
