"""Providers that fail, refuse, break off."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.app.api.serving import ADMIN_KEY, Serving
from tests.app.cloud.providers import CLOUDS, MODELS, behind
from tests.fakes.anthropic_cloud_server import AnthropicCloud
from tests.fakes.cloud_server import KEY, CloudServer, Failure
from tests.fakes.openai_cloud_server import OpenAICloud

AT_ONCE = {"retry-after": "0"}
every_cloud = pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.prefix)


def body(cloud: CloudServer, **fields: Any) -> dict[str, Any]:
    return {"model": MODELS[cloud.prefix], "messages": [{"role": "user", "content": "Hi"}], **fields}


async def chat(node: Serving, cloud: CloudServer, **fields: Any) -> httpx.Response:
    async with node.http() as http:
        return await http.post("/v1/chat/completions", json=body(cloud, **fields))


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["type"], error["code"]


@every_cloud
async def test_passing_failures_are_not_seen(tmp_path: Path, cloud: type[CloudServer]) -> None:
    async with behind(cloud, tmp_path) as (node, server):
        server.failures += [Failure(status=429, headers=AT_ONCE), Failure(status=503, headers=AT_ONCE)]
        answer = await chat(node, server)
        assert answer.status_code == 200
        assert len(server.received) == 1 and not server.failures


@every_cloud
@pytest.mark.parametrize("stream", [False, True])
async def test_failures_that_last(tmp_path: Path, cloud: type[CloudServer], stream: bool) -> None:
    """The provider's word counts in the end, and nobody reads its key."""
    async with behind(cloud, tmp_path) as (node, server):
        server.failures += [Failure(status=500, headers=AT_ONCE)] * 3
        failed = await chat(node, server, stream=stream)
        assert error_of(failed) == (502, "upstream_error", "endpoint_failed")
        assert "planned 500" in failed.json()["error"]["message"]
        server.failures.append(Failure(status=429, headers={"retry-after": "30"}))
        limited = await chat(node, server, stream=stream)
        assert error_of(limited) == (429, "rate_limit_error", "rate_limit_exceeded")
        assert limited.headers["retry-after"] == "30"
        server.failures.append(Failure(status=404))
        assert error_of(await chat(node, server, stream=stream)) == (
            404,
            "not_found_error",
            "model_not_found",
        )
        server.failures.append(Failure(status=400))
        assert error_of(await chat(node, server, stream=stream))[0] == 400
        server.failures.append(Failure(status=401))
        assert error_of(await chat(node, server, stream=stream)) == (
            502,
            "upstream_error",
            "cloud_key_refused",
        )
        assert KEY not in failed.text + limited.text
        assert all(KEY not in str(record) for record in node.log.records)


@every_cloud
async def test_without_a_key(tmp_path: Path, cloud: type[CloudServer]) -> None:
    async with behind(cloud, tmp_path, key=None) as (node, server):
        answer = await chat(node, server)
        assert error_of(answer) == (401, "authentication_error", "cloud_key_missing")
        name = server.prefix[:-1]
        assert f"CORRAL_{name.upper()}_API_KEY" in answer.json()["error"]["message"]
        assert f"corral cloud set {name}" in answer.json()["error"]["message"]
        await node.cloud.refresh_if_due()
        assert (server.received, server.lists) == ([], 0)


@every_cloud
async def test_a_stream_that_breaks(tmp_path: Path, cloud: type[CloudServer]) -> None:
    async with behind(cloud, tmp_path) as (node, server):
        server.cuts_after = 4 if cloud is AnthropicCloud else 2
        answer = await chat(node, server, stream=True)
        assert answer.status_code == 200
        *_, error, done, end = answer.text.split("\n\n")
        assert "endpoint_failed" in error and (done, end) == ("data: [DONE]", "")
        [record] = node.log.records
        assert record.trace.error_code == "endpoint_failed"


async def test_a_stream_that_never_begins(tmp_path: Path) -> None:
    async with behind(AnthropicCloud, tmp_path) as (node, server), node.openai() as client:
        server.cuts_after = 0
        with pytest.raises(openai.InternalServerError) as failed:
            await client.chat.completions.create(**body(server), stream=True)
        assert failed.value.status_code == 502


async def test_nobody_there(tmp_path: Path) -> None:
    async with behind(OpenAICloud, tmp_path) as (node, server), node.http(ADMIN_KEY) as http:
        await http.put("/v0/cloud/openai", json={"base_url": "http://127.0.0.1:1"})
        answer = await chat(node, server)
        assert error_of(answer) == (502, "upstream_error", "endpoint_failed")
        assert 'status="unreachable"} 1.0' in (await http.get("/v0/metrics/cloud")).text


async def test_numbers(tmp_path: Path) -> None:
    async with behind(OpenAICloud, tmp_path) as (node, server), node.http(ADMIN_KEY) as http:
        await chat(node, server)
        server.failures += [Failure(status=503, headers=AT_ONCE)] * 3
        await chat(node, server)
        own = await http.get("/v0/metrics/cloud")
        everything = (await http.get("/metrics")).text
    assert own.headers["content-type"].startswith("text/plain")
    for line in (
        'cloud_requests_total{provider="openai",status="200"} 1.0',
        'cloud_requests_total{provider="openai",status="503"} 1.0',
        'cloud_request_latency_seconds_count{provider="openai"} 2.0',
        'cloud_request_latency_seconds_count{provider="google"} 0.0',
    ):
        assert line in own.text and line in everything
    assert "corral_http" not in own.text
