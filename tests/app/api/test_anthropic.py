"""Anthropic's official client on a real socket."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import ollama
import pytest
import pytest_asyncio
from anthropic.types import MessageParam, ToolParam

from corral.engines.echo import EchoEngine
from corral.engines.llama.engine import LlamaEngine
from corral.engines.model import LoadOptions
from tests.app.api.serving import ADMIN_KEY, API_KEY, Serving, serving
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until
from tests.models.synth_gguf import write_llama

HELLO: MessageParam = {"role": "user", "content": "hello wide world"}
ADD: ToolParam = {
    "name": "mcp__calculator__add",
    "description": "Adds numbers.",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["a"],
        "additionalProperties": False,
    },
}


def claude(node: Serving, **options: Any) -> anthropic.AsyncAnthropic:
    options = {"api_key": API_KEY, "max_retries": 0, "timeout": 60, **options}
    return anthropic.AsyncAnthropic(base_url=node.url, **options)


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Serving]:
    write_echo(tmp_path, context_length=50)
    write_echo(tmp_path, "vectors", capabilities=["embeddings"])
    async with serving(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(node: Serving) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with claude(node) as client:
        yield client


async def test_a_message_is_answered(client: anthropic.AsyncAnthropic) -> None:
    answer = await client.messages.create(model="parrot", max_tokens=20, messages=[HELLO], system="be brief")
    (block,) = answer.content
    assert block.type == "text" and block.text == "hello wide world"
    assert (answer.role, answer.model, answer.stop_reason) == ("assistant", "parrot", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 3)
    assert answer.usage.cache_read_input_tokens == 0
    assert answer._request_id


async def test_a_message_is_streamed(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(model="parrot", max_tokens=20, messages=[HELLO]) as stream:
        events = [event async for event in stream]
        answer = await stream.get_final_message()
    seen = [event.type for event in events if event.type not in ("text", "content_block_delta")]
    assert seen == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].type == "message_start" and events[0].message.usage.input_tokens == 3
    (block,) = answer.content
    assert block.type == "text" and block.text == "hello wide world"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_why_it_ended(client: anthropic.AsyncAnthropic, stream: bool) -> None:
    async def ended(**fields: Any) -> tuple[str | None, str | None]:
        asked = {"model": "parrot", "max_tokens": 20, "messages": [HELLO], **fields}
        if not stream:
            answer = await client.messages.create(**asked)
        else:
            async with client.messages.stream(**asked) as events:
                answer = await events.get_final_message()
        return answer.stop_reason, answer.stop_sequence

    assert await ended() == ("end_turn", None)
    assert await ended(max_tokens=2) == ("max_tokens", None)
    assert await ended(stop_sequences=["x", "world"]) == ("stop_sequence", "world")


async def test_what_claude_code_sends(client: anthropic.AsyncAnthropic) -> None:
    """Large prompts in blocks, many tools, betas, metadata, a bearer instead of a key, fields that only it knows."""
    asked: Any = {
        "model": "parrot",
        "max_tokens": 32_000,
        "betas": ["claude-code-20250219", "interleaved-thinking-2025-05-14"],
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=fa690;"},
            {"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "one two", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
                ],
            }
        ],
        "tools": [{**ADD, "name": f"mcp__server__{'long' * 15}_{number}"} for number in range(40)],
        "metadata": {"user_id": "user_1_account__session_2"},
        "thinking": {"type": "enabled", "budget_tokens": 31_999},
        "extra_headers": {"x-app": "cli"},
        "extra_body": {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
    }
    answer = await client.beta.messages.create(**asked)
    assert answer.content[0].type == "text" and answer.content[0].text == "one two"
    assert answer.usage.input_tokens == 4


async def test_both_kinds_of_credentials(node: Serving) -> None:
    async with claude(node, api_key=None, auth_token=API_KEY) as client:
        assert (await client.messages.count_tokens(model="parrot", messages=[HELLO])).input_tokens == 3
    async with claude(node, api_key="sk_wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await client.messages.create(model="parrot", max_tokens=1, messages=[HELLO])
    body = caught.value.body
    assert isinstance(body, dict) and body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"
    assert body["request_id"] == caught.value.response.headers["request-id"]


@pytest.mark.parametrize(
    ("fields", "status", "type", "words"),
    [
        ({"model": "nobody"}, 404, "not_found_error", "nobody"),
        ({"model": "vectors"}, 400, "invalid_request_error", "can't do chat"),
        ({"max_tokens": 0}, 400, "invalid_request_error", "max_tokens"),
        (
            {"messages": [{"role": "user", "content": "word " * 60}]},
            400,
            "invalid_request_error",
            "prompt is too long",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image", "source": {"type": "url", "url": "https://a/b"}}],
                    }
                ]
            },
            400,
            "invalid_request_error",
            "reads text only",
        ),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            400,
            "invalid_request_error",
            "web_search",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors(
    client: anthropic.AsyncAnthropic, fields: Any, status: int, type: str, words: str, stream: bool
) -> None:
    asked = {"model": "parrot", "max_tokens": 9, "messages": [HELLO], "stream": stream, **fields}
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**asked)
    assert caught.value.status_code == status
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["error"]["type"] == type and words in body["error"]["message"]


async def test_errors_before_there_is_a_route(node: Serving) -> None:
    async with node.http() as http:
        method = await http.get("/v1/messages")
        media = await http.post("/v1/messages", content="x", headers={"content-type": "text/plain"})
        large = await http.post("/v1/messages", content=b" " * (32 * 2**20 + 1))
        nowhere = await http.post("/v1/nowhere", headers={"anthropic-version": "2023-06-01"})
        other = await http.post("/v1/nowhere")
    found = [(each.status_code, each.json()["error"]["type"]) for each in (method, media, large, nowhere)]
    assert found == [
        (405, "invalid_request_error"),
        (415, "invalid_request_error"),
        (413, "request_too_large"),
        (404, "not_found_error"),
    ]
    assert nowhere.json()["type"] == "error" and "type" not in other.json()


async def test_a_model_that_dies_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    write_echo(tmp_path, "mortal", tokens_per_s=50, crash_after_tokens=3)
    asked: MessageParam = {"role": "user", "content": "word " * 50}
    async with serving(tmp_path) as node, claude(node) as client:
        with pytest.raises(anthropic.APIStatusError, match="api_error"):
            async with client.messages.stream(model="mortal", max_tokens=99, messages=[asked]) as stream:
                async for _ in stream:
                    pass


async def test_silence_is_filled(tmp_path: Path) -> None:
    write_echo(tmp_path, "sleepy", load_seconds=0.5, tokens_per_s=10)
    asked = {"model": "sleepy", "max_tokens": 9, "messages": [HELLO], "stream": True}
    async with serving(tmp_path, keep_alive_s=0.05) as node, node.http() as http:
        answer = await http.post("/v1/messages", json=asked)
    before, _, after = answer.text.partition("event: message_start\n")
    assert before and set(before.split("\n\n")) == {": keep-alive", ""}
    assert 'event: ping\ndata: {"type":"ping"}\n\n' in after
    assert after.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_leaving_frees_the_model(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    asked: MessageParam = {"role": "user", "content": "word " * 3000}
    async with serving(tmp_path) as node, claude(node) as client:

        def active() -> int:
            (status,) = node.pool.models()
            return status.live.active

        async with client.messages.stream(model="parrot", max_tokens=3000, messages=[asked]) as stream:
            await anext(aiter(stream))
            await until(lambda: active() == 1, "the answer is being made")
        await until(lambda: active() == 0, "the model is free again")
        assert node.admission.running == 0


async def test_models(client: anthropic.AsyncAnthropic, node: Serving) -> None:
    (model,) = [model async for model in client.models.list()]
    assert (model.id, model.display_name, model.max_input_tokens) == ("parrot", "parrot", 50)
    assert (await client.models.retrieve("parrot")).type == "model"
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("nobody")
    page = await client.models.list(after_id="parrot", limit=1)
    assert (page.data, page.has_more) == ([], False)
    with pytest.raises(anthropic.BadRequestError):
        await client.models.list(after_id="nobody")
    async with node.http() as http:
        assert (await http.get("/v1/models")).json()["object"] == "list", "others see OpenAI's list"


async def test_a_name_of_claudes_can_mean_a_model_here(
    client: anthropic.AsyncAnthropic, node: Serving
) -> None:
    name = "claude-of-the-house"
    async with node.http(ADMIN_KEY) as admin:
        added = await admin.post("/v0/aliases", json={"name": name, "targets": ["parrot"]})
        assert added.status_code == 201
    answer = await client.messages.create(model=name, max_tokens=20, messages=[HELLO])
    assert (answer.model, answer.stop_reason, answer.usage.output_tokens) == (name, "end_turn", 3)
    assert (await client.messages.count_tokens(model=name, messages=[HELLO])).input_tokens == 3
    assert name in [model.id async for model in client.models.list()]
    async with ollama.AsyncClient(host=node.url, headers={"x-api-key": API_KEY}) as other:
        assert (await other.generate(f"{name}:latest", "one two")).response == "one two"


async def test_the_history_has_messages(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, claude(node) as client:
        for stream in (False, True):
            answer = await client.messages.create(
                model="parrot", max_tokens=9, messages=[HELLO], stream=stream
            )
            if isinstance(answer, anthropic.AsyncStream):
                assert [event.type async for event in answer][-1] == "message_stop"
        await client.messages.count_tokens(model="parrot", messages=[HELLO])
        whole, streamed, counted = node.log.records
    assert {each.path for each in (whole, streamed)} == {"/v1/messages"}
    assert (whole.trace.tokens, streamed.trace.tokens) == (6, 6)
    assert counted.trace.tokens == 0, "nothing was read"
    assert json.loads(b"".join(whole.answer))["content"][0]["text"] == "hello wide world"
    assert streamed.trace.events is not None and streamed.model == "parrot"


async def test_a_real_model_counts_and_calls(tmp_path: Path) -> None:
    write_llama(tmp_path / "tiny.gguf")
    load = LoadOptions(context_length=1024, max_sequences=2, threads=1)
    engines = (LlamaEngine(), EchoEngine())
    async with serving(tmp_path, engines=engines, load=load) as node, claude(node) as client:
        asked: Any = {
            "model": "tiny",
            "system": "You add.",
            "messages": [HELLO],
            "tools": [ADD],
            "tool_choice": {"type": "tool", "name": ADD["name"]},
        }
        counted = await client.messages.count_tokens(**asked)
        answer = await client.messages.create(**asked, max_tokens=300)
        async with client.messages.stream(**asked, max_tokens=300) as stream:
            streamed = await stream.get_final_message()
    for each in (answer, streamed):
        used = each.usage
        assert used.input_tokens + (used.cache_read_input_tokens or 0) == counted.input_tokens
        assert each.stop_reason == "tool_use"
        (call,) = [block.model_dump() for block in each.content]
        assert (call["type"], call["name"]) == ("tool_use", ADD["name"])
        assert set(call["input"]) == {"a"} and call["input"]["a"] in range(10)
