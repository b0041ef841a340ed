"""The Responses API with the official client on a real socket."""

from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path

import openai
import pytest
import pytest_asyncio

from tests.app.api.serving import OTHER_KEY, Serving, serving
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


async def test_a_stream_has_every_event_in_order(client: openai.AsyncOpenAI) -> None:
    stream = await client.responses.create(model="parrot", input="hello you", stream=True)
    events = [event async for event in stream]
    types = [kind for kind, _ in groupby(event.type for event in events)]  # deltas may come joined
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
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "hello you"
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == 2


async def test_the_clients_own_stream_reader_is_content(client: openai.AsyncOpenAI) -> None:
    async with client.responses.stream(model="parrot", input="hello you") as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert final.output_text == "hello you"


async def test_a_response_ends_at_its_limit(client: openai.AsyncOpenAI) -> None:
    answer = await client.responses.create(model="parrot", input="one two three", max_output_tokens=1)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output_text == "one"


async def test_responses_are_kept_and_followed_up(node: Serving, client: openai.AsyncOpenAI) -> None:
    first = await client.responses.create(model="parrot", input="one two", instructions="be brief")
    assert (await client.responses.retrieve(first.id)).output_text == "one two"
    second = await client.responses.create(model="parrot", input="three", previous_response_id=first.id)
    assert second.output_text == "three"
    assert second.usage is not None
    assert second.usage.input_tokens == 5, "the earlier question and answer count too"
    items = [item async for item in await client.responses.input_items.list(second.id)]
    assert [getattr(item, "role", None) for item in items] == ["user", "assistant", "user"]
    async with node.openai(OTHER_KEY) as stranger:
        with pytest.raises(openai.NotFoundError):
            await stranger.responses.retrieve(first.id)
        with pytest.raises(openai.NotFoundError):
            await stranger.responses.create(model="parrot", input="x", previous_response_id=first.id)
    await client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)


async def test_a_response_that_is_not_kept(client: openai.AsyncOpenAI) -> None:
    answer = await client.responses.create(model="parrot", input="x", store=False)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(answer.id)


async def test_a_model_that_dies_fails_the_response(tmp_path: Path) -> None:
    write_echo(tmp_path, "mortal", tokens_per_s=50, crash_after_tokens=3)
    async with serving(tmp_path) as node, node.openai() as client:
        stream = await client.responses.create(model="mortal", input="word " * 50, stream=True)
        events = [event async for event in stream]
        last = events[-1]
        assert last.type == "response.failed"
        assert last.response.error is not None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"temperature": 5}, "temperature"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"input": [{"type": "poem"}]}, "input.0.type"),
    ],
)
async def test_wrong_requests(node: Serving, fields: dict[str, object], param: str) -> None:
    async with node.http() as http:
        answer = await http.post("/v1/responses", json={"model": "parrot", "input": "x", **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
