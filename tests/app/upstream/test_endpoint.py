"""A server elsewhere as an endpoint, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from corral.app.gateway.experience import Experience
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import (
    NotOffered,
    Redirected,
    UpstreamBroke,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnreachable,
    WrongKey,
)
from tests.app.upstream.asking import endpoint_over, events, request, texts, upstream_client, whole
from tests.fakes.openai_server import MODEL, PROMPT_TOKENS, WORDS, FakeOpenAI, Plan, openai_server


@pytest_asyncio.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    async with upstream_client() as made:
        yield made


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with openai_server() as server:
        yield server


async def test_a_chat_is_passed_on_and_metered(fake: FakeOpenAI, client: UpstreamClient) -> None:
    asked = request(unknown_field={"kept": [1]})
    answer = await endpoint_over(fake, client).forward(asked)
    document = json.loads(await whole(answer))
    assert document["choices"][0]["message"]["content"] == "".join(WORDS)
    assert (answer.status, answer.streamed) == (200, False)
    (received,) = fake.inferences
    assert received.json == asked.json
    trace = asked.trace
    assert (trace.prompt_tokens, trace.completion_tokens, trace.cached_tokens) == (
        PROMPT_TOKENS,
        len(WORDS),
        2,
    )
    assert trace.node_name == "server e1"


async def test_a_stream_comes_as_it_was_sent_but_for_the_usage_that_nobody_asked_for(
    fake: FakeOpenAI, client: UpstreamClient
) -> None:
    asked = request(stream=True)
    answer = await endpoint_over(fake, client).forward(asked)
    stream = await whole(answer)
    assert answer.streamed
    assert texts(stream) == list(WORDS)
    assert stream.endswith(b"data: [DONE]\n\n")
    assert not any("usage" in event for event in events(stream))
    assert fake.inferences[0].json["stream_options"] == {"include_usage": True}
    assert (asked.trace.prompt_tokens, asked.trace.completion_tokens) == (PROMPT_TOKENS, len(WORDS))
    assert asked.trace.first_token_s is not None


async def test_usage_that_the_client_asked_for_stays(fake: FakeOpenAI, client: UpstreamClient) -> None:
    asked = request(stream=True, stream_options={"include_usage": True, "more": 1})
    stream = await whole(await endpoint_over(fake, client).forward(asked))
    assert events(stream)[-1]["usage"]["completion_tokens"] == len(WORDS)
    assert fake.inferences[0].json["stream_options"] == {"include_usage": True, "more": 1}


async def test_a_stream_without_usage_counts_its_chunks(fake: FakeOpenAI, client: UpstreamClient) -> None:
    fake.plan = Plan(usage=False)
    asked = request(stream=True)
    await whole(await endpoint_over(fake, client).forward(asked))
    assert asked.trace.completion_tokens == len(WORDS)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_has_one_name_for_clients(client: UpstreamClient, stream: bool) -> None:
    async with openai_server(models=["there/model.gguf"]) as fake:
        endpoint = endpoint_over(fake, client, names={"here": "there/model.gguf"})
        answer = await endpoint.forward(request(model="Here", stream=stream))
        body = await whole(answer)
    documents = events(body) if stream else [json.loads(body)]
    assert {document["model"] for document in documents} == {"Here"}
    assert fake.inferences[0].json["model"] == "there/model.gguf"
    assert endpoint.listed_name("HERE") == "here"


async def test_the_endpoint_gets_its_own_key_and_nobody_elses(client: UpstreamClient) -> None:
    secrets = {
        "authorization": "Bearer sk_client",
        "x-api-key": "sk_client",
        "cookie": "session=1",
        "connection": "x-private",
        "host": "corral.local",
    }
    async with openai_server(key="its-key") as fake:
        endpoint = endpoint_over(fake, client, api_key="its-key")
        answer = await endpoint.forward(request(headers={**secrets, "traceparent": "00-1-2-03"}))
        await whole(answer)
    headers = fake.inferences[0].headers
    assert headers["authorization"] == "Bearer its-key"
    assert headers["traceparent"] == "00-1-2-03"
    assert headers["host"] == f"127.0.0.1:{fake.port}"
    assert not {"x-api-key", "cookie"} & headers.keys()
    assert "sk_client" not in str(headers)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        (Plan(status=500), UpstreamFailed, "failed with status 500: planned"),
        (Plan(status=503), UpstreamFailed, "status 503"),
        (Plan(status=503, headers={"retry-after": "3"}), UpstreamBusy, "is busy"),
        (Plan(status=429), UpstreamBusy, "is busy"),
        (Plan(status=401), WrongKey, "refused the API key that is kept for it"),
        (Plan(status=403), WrongKey, "refused the API key that is kept for it"),
        (Plan(status=404), NotOffered, "doesn't offer this"),
        (Plan(status=501), NotOffered, "doesn't offer this"),
        (Plan(status=307, headers={"location": "http://127.0.0.1:9/"}), Redirected, "redirects"),
        (Plan(cuts_after=0), UpstreamBroke, "before it answered"),
        (Plan(hangs=True), UpstreamTimeout, "no answer within"),
    ],
)
async def test_failures_before_the_first_byte(
    fake: FakeOpenAI, client: UpstreamClient, plan: Plan, kind: type[Exception], words: str, stream: bool
) -> None:
    fake.plan = plan
    with pytest.raises(kind, match=words):
        await endpoint_over(fake, client, timeout_s=0.3).forward(request(stream=stream))
    assert len(fake.inferences) == 1


async def test_an_endpoint_that_is_not_there(client: UpstreamClient) -> None:
    async with openai_server() as fake:
        pass
    with pytest.raises(
        UpstreamUnreachable, match=r"the endpoint 'server e1' can't be reached: connection refused"
    ):
        await endpoint_over(fake, client).forward(request())


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_server_says_of_a_wrong_request_reaches_the_client(
    fake: FakeOpenAI, client: UpstreamClient, stream: bool
) -> None:
    said = {
        "error": {"message": "too long", "type": "x", "param": "messages", "code": "context_length_exceeded"}
    }
    fake.plan = Plan(status=400, body=json.dumps(said).encode())
    asked = request(stream=stream)
    answer = await endpoint_over(fake, client).forward(asked)
    assert answer.status == 400
    assert json.loads(await whole(answer))["error"] == {
        "message": "too long",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    assert asked.trace.error_code == "context_length_exceeded"


@pytest.mark.parametrize("plan", [Plan(cuts_after=2), Plan(ends_after=2)])
async def test_a_stream_that_breaks_ends_with_an_error(
    fake: FakeOpenAI, client: UpstreamClient, plan: Plan
) -> None:
    fake.plan = plan
    experience, asked = Experience(), request(stream=True)
    endpoint = endpoint_over(fake, client, experience=experience)
    stream = await whole(await endpoint.forward(asked))
    assert texts(stream) == list(WORDS[:2])
    assert events(stream)[-1]["error"]["code"] == "endpoint_failed"
    assert stream.endswith(b"data: [DONE]\n\n")
    assert asked.trace.error_code == "endpoint_failed"
    assert asked.trace.completion_tokens == 2
    assert experience.failures.last(endpoint.id) is not None


SAID_ALL = (
    b'data: {"id":"a","model":"fake-model","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
    b": bye\n\n",
)


@pytest.mark.parametrize("plan", [Plan(cuts_after=2), Plan(hangs_after=2)])
async def test_what_breaks_after_the_end_of_a_stream_is_no_failure(
    fake: FakeOpenAI, client: UpstreamClient, plan: Plan
) -> None:
    fake.plan = replace(plan, raw_events=SAID_ALL)
    experience, asked = Experience(), request(stream=True)
    endpoint = endpoint_over(fake, client, experience=experience, timeout_s=0.3)
    stream = await whole(await endpoint.forward(asked))
    assert stream.startswith(SAID_ALL[0]) and stream.count(b"[DONE]") == 1
    assert (asked.trace.error_code, asked.trace.broke) == (None, False)
    assert experience.failures.last(endpoint.id) is None


async def test_a_client_that_leaves_ends_the_work_there(fake: FakeOpenAI, client: UpstreamClient) -> None:
    fake.plan = Plan(hangs_after=2)
    asked = request(stream=True)
    answer = await endpoint_over(fake, client).forward(asked)
    assert texts(await anext(answer.body))[0] == WORDS[0]
    await answer.body.aclose()  # type: ignore[attr-defined]
    await fake.until(lambda server: server.left == 1)
    assert asked.trace.completion_tokens >= 1


async def test_a_silent_stream_says_that_it_lives(fake: FakeOpenAI, client: UpstreamClient) -> None:
    fake.plan = Plan(hangs_after=1)
    answer = await endpoint_over(fake, client, keep_alive_s=0.05).forward(request(stream=True))
    pieces = [await anext(answer.body) for _ in range(3)]
    assert pieces[1:] == [b": keep-alive\n\n"] * 2
    await answer.body.aclose()  # type: ignore[attr-defined]


async def test_a_stream_that_stays_silent_for_too_long_is_broken(
    fake: FakeOpenAI, client: UpstreamClient
) -> None:
    fake.plan = Plan(hangs_after=2)
    endpoint = endpoint_over(fake, client, timeout_s=0.3, keep_alive_s=0.1)
    stream = await whole(await endpoint.forward(request(stream=True)))
    assert texts(stream) == list(WORDS[:2])
    assert stream.count(b": keep-alive\n\n") >= 1
    assert events(stream)[-1]["error"]["code"] == "endpoint_timeout"
    await fake.until(lambda server: server.left == 1)


async def test_an_answer_that_is_cancelled_is_cancelled_there(
    fake: FakeOpenAI, client: UpstreamClient
) -> None:
    fake.plan = Plan(hangs=True)
    task = asyncio.create_task(endpoint_over(fake, client).forward(request()))
    await fake.until(lambda server: server.running == 1)
    task.cancel()
    await fake.until(lambda server: server.left == 1)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_kept_connection_that_has_ended_is_no_failure(client: UpstreamClient) -> None:
    async with openai_server() as fake:
        endpoint = endpoint_over(fake, client)
        for _ in range(2):
            await whole(await endpoint.forward(request()))
            await fake.stop()
            await fake.start()
    assert len(fake.inferences) == 2


def test_what_is_asked_of_which_model() -> None:
    endpoint = endpoint_over("http://127.0.0.1:9", UpstreamClient(), capabilities=["embeddings"])
    assert endpoint.answers("/v1/embeddings", MODEL)
    assert not endpoint.answers("/v1/chat/completions", MODEL)
    assert endpoint_over("http://127.0.0.1:9", UpstreamClient()).answers("/v1/audio/speech", MODEL)
