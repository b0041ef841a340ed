"""The Responses API of a server that has none: through its chat completions, with the official client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import openai
import pytest
from openai.types.responses import FunctionToolParam

from tests.app.api.serving import serving
from tests.app.upstream.asking import endpoint_over, upstream_client
from tests.fakes.openai_server import MODEL, PROMPT_TOKENS, WORDS, FakeOpenAI, Plan, openai_server

TOOL = FunctionToolParam(
    type="function",
    name="weather",
    description="The weather of a town.",
    parameters={"type": "object", "properties": {"town": {"type": "string"}}},
    strict=False,
)
ARGUMENTS = '{"town": "Ulm"}'


@asynccontextmanager
async def asked_through(folder: Path, plan: Plan) -> AsyncIterator[tuple[openai.AsyncOpenAI, FakeOpenAI]]:
    """A client of a node that knows one server."""
    async with openai_server(plan=plan) as fake, upstream_client() as upstream:
        endpoint = endpoint_over(fake, upstream, names={"here": MODEL})
        async with serving(folder, endpoints=[endpoint]) as node, node.openai() as client:
            yield client, fake


async def test_a_stream(tmp_path: Path) -> None:
    async with asked_through(tmp_path, Plan()) as (client, fake):
        stream = await client.responses.create(model="here", input="hi", stream=True, extra_body={"seed": 7})
        events = [event async for event in stream]
    types = [kind for kind, _ in groupby(event.type for event in events)]
    assert types == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "".join(WORDS)
    assert last.response.usage is not None
    assert (last.response.usage.input_tokens, last.response.usage.output_tokens) == (
        PROMPT_TOKENS,
        len(WORDS),
    )
    assert fake.inferences[0].path == "/v1/chat/completions"
    assert fake.inferences[0].json["seed"] == 7


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_and_their_results(tmp_path: Path, stream: bool) -> None:
    async with asked_through(tmp_path, Plan(tool_call=("weather", ARGUMENTS))) as (client, fake):
        if stream:
            async with client.responses.stream(model="here", input="rain?", tools=[TOOL]) as events:
                async for _ in events:
                    pass
                answer = await events.get_final_response()
            output = [item.model_dump() for item in answer.output]
            first = answer.id
        else:
            plain = await client.responses.create(model="here", input="rain?", tools=[TOOL])
            output = [item.model_dump() for item in plain.output]
            first = plain.id
        (call,) = output
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "weather", ARGUMENTS)
        fake.plan = Plan(words=["dry"])
        second = await client.responses.create(
            model="here",
            previous_response_id=first,
            input=[{"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}],
        )
        assert second.output_text == "dry"
    assert fake.inferences[0].json["tools"][0]["function"]["name"] == "weather"
    messages = fake.inferences[1].json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
    assert messages[2]["content"] == "sun"


async def test_a_server_that_does_not_stream(tmp_path: Path) -> None:
    call = b'[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]'
    body = (
        b'{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",'
        b'"message":{"role":"assistant","content":"let me see","tool_calls":' + call + b"}}]}"
    )
    async with asked_through(tmp_path, Plan(body=body)) as (client, _):
        answer = await client.responses.create(model="here", input="rain?", tools=[TOOL])
    assert answer.output_text == "let me see"
    assert [item.type for item in answer.output] == ["message", "function_call"]


async def test_a_stream_that_breaks_fails_the_response(tmp_path: Path) -> None:
    async with asked_through(tmp_path, Plan(cuts_after=2)) as (client, _):
        stream = await client.responses.create(model="here", input="hi", stream=True)
        last = [event async for event in stream][-1]
        assert last.type == "response.failed"
        assert last.response.error is not None
        with pytest.raises(openai.InternalServerError):
            await client.responses.create(model="here", input="hi")


async def test_what_the_server_refuses_is_refused(tmp_path: Path) -> None:
    body = b'{"error":{"message":"no such tool","type":"invalid_request_error","param":"tools","code":"bad"}}'
    async with asked_through(tmp_path, Plan(status=400, body=body)) as (client, _):
        with pytest.raises(openai.BadRequestError, match="no such tool"):
            await client.responses.create(model="here", input="hi", stream=True)
