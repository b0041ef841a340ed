"""Anthropic's and Ollama's clients with models of servers that speak OpenAI's dialect only."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import ollama
import pytest

from corral.app.history.row import texts_of
from tests.app.api.serving import API_KEY, Serving, serving
from tests.app.upstream.asking import endpoint_over, upstream_client
from tests.fakes.openai_server import MODEL, PROMPT_TOKENS, FakeOpenAI, Plan, openai_server

HERE = "claude-here"
TEXT = "Hello, world!"
ASKED: Any = [{"role": "user", "content": "hi"}]
PNG = "iVBORw0KGgo="


@asynccontextmanager
async def both(folder: Path, plan: Plan | None = None) -> AsyncIterator[tuple[Serving, FakeOpenAI]]:
    """A node, and a server behind it that has one model."""
    async with openai_server(plan=plan) as fake, upstream_client() as client:
        endpoint = endpoint_over(fake, client, names={HERE: MODEL})
        async with serving(folder, endpoints=[endpoint]) as node:
            yield node, fake


def claude(node: Serving) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=node.url, api_key=API_KEY, max_retries=0, timeout=60)


def llama(node: Serving) -> ollama.AsyncClient:
    return ollama.AsyncClient(host=node.url, headers={"authorization": f"Bearer {API_KEY}"}, timeout=60)


async def test_messages(tmp_path: Path) -> None:
    async with both(tmp_path) as (node, fake), claude(node) as client:
        whole = await client.messages.create(model=HERE, max_tokens=9, messages=ASKED)
        async with client.messages.stream(model=HERE, max_tokens=9, messages=ASKED) as stream:
            streamed = await stream.get_final_message()
        for answer in (whole, streamed):
            (block,) = answer.content
            assert block.type == "text" and block.text == TEXT
            assert (answer.model, answer.stop_reason) == (HERE, "end_turn")
            assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) == PROMPT_TOKENS
        sent = [each for each in fake.received if each.method == "POST"]
        assert [each.path for each in sent] == ["/v1/chat/completions"] * 2
        assert all(API_KEY not in str(each.headers) and each.json["model"] == MODEL for each in sent)
        said = json.loads(texts_of(node.log.records[1]).answer)
        assert said["choices"][0]["message"]["content"] == TEXT, "the history has streams as joined text"


async def test_tokens_are_estimated(tmp_path: Path) -> None:
    async with both(tmp_path) as (node, fake), claude(node) as client:
        raw = await client.messages.with_raw_response.count_tokens(model=HERE, messages=ASKED)
        assert raw.headers["x-corral-token-count"] == "estimate"
        assert 1 <= (await raw.parse()).input_tokens <= 30
        assert not [each for each in fake.received if each.method == "POST"]


async def test_calls_of_tools(tmp_path: Path) -> None:
    tool: Any = {"name": "add", "input_schema": {"type": "object"}}
    plan = Plan(tool_call=("add", '{"a": 1}'))
    async with both(tmp_path, plan) as (node, _), claude(node) as client, llama(node) as other:
        async with client.messages.stream(model=HERE, max_tokens=9, messages=ASKED, tools=[tool]) as stream:
            answer = await stream.get_final_message()
        (block,) = answer.content
        assert block.type == "tool_use" and (block.name, block.input) == ("add", {"a": 1})
        assert answer.stop_reason == "tool_use"
        parts = [part async for part in await other.chat(model=HERE, messages=ASKED, stream=True)]
        (call,) = [call for part in parts for call in part.message.tool_calls or ()]
        assert (call.function.name, call.function.arguments) == ("add", {"a": 1})
        said = json.loads(texts_of(node.log.records[1]).answer)
        assert said["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "add"


async def test_pictures_reach_who_may_see_them(tmp_path: Path) -> None:
    url = {"url": f"data:image/png;base64,{PNG}"}
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    async with both(tmp_path) as (node, fake), claude(node) as client, llama(node) as other:
        picture: Any = [{"role": "user", "content": [{"type": "image", "source": source}]}]
        await client.messages.create(model=HERE, max_tokens=9, messages=picture)
        await other.chat(model=HERE, messages=[{"role": "user", "content": "see", "images": [PNG]}])
        sent = [each.json["messages"][0]["content"] for each in fake.received if each.method == "POST"]
    assert sent[0] == [{"type": "image_url", "image_url": url}]
    assert sent[1] == [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": url}]


async def test_prompts_as_curl_sends_them(tmp_path: Path) -> None:
    """As a form, which the server behind would refuse."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with both(tmp_path) as (node, fake), node.http() as http:
        asked = json.dumps({"model": f"{HERE}:latest", "prompt": "hi", "stream": False})
        answer = await http.post("/api/generate", content=asked, headers=form)
        assert answer.json()["response"] == TEXT
        (sent,) = [each for each in fake.received if each.method == "POST"]
        assert sent.headers["content-type"] == "application/json"
        assert sent.json["model"] == MODEL


async def test_what_the_server_refuses_is_said_in_the_dialect(tmp_path: Path) -> None:
    refusal = json.dumps({"error": {"message": "too hot", "type": "invalid_request_error"}}).encode()
    async with both(tmp_path, Plan(status=422, body=refusal)) as (node, _), claude(node) as client:
        with pytest.raises(anthropic.UnprocessableEntityError) as caught:
            await client.messages.create(model=HERE, max_tokens=9, messages=ASKED)
        assert caught.value.body == {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "too hot"},
        }
        async with llama(node) as other:
            with pytest.raises(ollama.ResponseError, match="too hot") as refused:
                await other.chat(model=HERE, messages=ASKED)
        assert refused.value.status_code == 422


async def test_a_stream_that_is_cut_off_ends_with_an_error(tmp_path: Path) -> None:
    async with both(tmp_path, Plan(cuts_after=2)) as (node, _), claude(node) as client, llama(node) as other:
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(model=HERE, max_tokens=9, messages=ASKED) as stream:
                async for _ in stream:
                    pass
        with pytest.raises(ollama.ResponseError):
            async for _ in await other.chat(model=HERE, messages=ASKED, stream=True):
                pass
    assert [record.trace.error_code for record in node.log.records] == ["endpoint_failed"] * 2


async def test_models_of_the_cloud(tmp_path: Path) -> None:
    """Providers get no fields that they don't know."""
    model = f"openai:{MODEL}"
    async with openai_server(key="k") as fake:
        settings = {"openai_api_key": "k", "openai_base_url": fake.base_url}
        async with serving(tmp_path, settings=settings) as node, claude(node) as client, llama(node) as other:
            answer = await client.messages.create(model=model, max_tokens=9, messages=ASKED)
            assert answer.content[0].type == "text" and answer.content[0].text == TEXT
            assert (await other.chat(model=model, messages=ASKED, think=False)).message.content == TEXT
            raw = await client.messages.with_raw_response.count_tokens(model=model, messages=ASKED)
            assert raw.headers["x-corral-token-count"] == "estimate"
        known = {"model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options"}
        sent = [each.json for each in fake.received if each.method == "POST"]
    assert len(sent) == 2 and all(set(each) <= known for each in sent)


async def test_a_key_for_the_cloud_that_is_missing(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, claude(node) as client:
        with pytest.raises(anthropic.AuthenticationError, match="OPENAI_API_KEY"):
            await client.messages.create(model="openai:x", max_tokens=9, messages=ASKED)
