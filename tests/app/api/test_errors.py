"""The error table, on a real socket: one shape, the right status, a message that helps."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from corral.app.api.errors import error_body, error_headers, shape_of
from corral.app.api.health import NodeState
from corral.engines.errors import InsufficientMemory, QueueFull, QueueTimeout, ShuttingDown, WorkerCrashed
from tests.app.api.serving import ADMIN_KEY, API_KEY, EXPIRED_KEY, Serving, serving
from tests.engines.echo_files import write_echo

CHAT = "/v1/chat/completions"
GOOD = {"model": "parrot", "messages": [{"role": "user", "content": "hi"}]}
JSON = {"content-type": "application/json"}


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Serving]:
    write_echo(tmp_path, "parrot", context_length=4)
    write_echo(tmp_path, "broken", load_error="it is made of stone")
    write_echo(tmp_path, "vectors", capabilities=["embeddings"])
    async with serving(tmp_path) as running:
        yield running


async def ask(
    node: Serving,
    body: object,
    *,
    path: str = CHAT,
    method: str = "POST",
    key: str | None = API_KEY,
    headers: Mapping[str, str] = JSON,
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with node.http(key) as client:
        answer = await client.request(method, path, content=content, headers=dict(headers))
    assert answer.headers["x-request-id"]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "/" not in error["message"].replace("/v1/", "").replace("application/json", "").replace(
        "text/plain", ""
    ).replace("/openapi.json", "").replace("'/nowhere'", "")
    return answer.status_code, error, answer.headers


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b"", 400, "invalid_json", None),
        (b'{"model":"\xff\xfe"}', 400, "invalid_json", None),
        (b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}", 400, "invalid_json", None),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", 400, "invalid_json", None),
        (b"[1]", 400, "invalid_value", None),
        ({"messages": GOOD["messages"]}, 400, "missing_field", "model"),
        ({"model": "parrot"}, 400, "missing_field", "messages"),
        ({**GOOD, "temperature": 3}, 400, "invalid_value", "temperature"),
        ({**GOOD, "model": "a:b:c"}, 400, "invalid_value", "model"),
        ({**GOOD, "model": "openai:gpt"}, 401, "cloud_key_missing", "model"),
        ({**GOOD, "model": "nobody"}, 404, "model_not_found", "model"),
        ({**GOOD, "model": "vectors"}, 400, "model_lacks_capability", "model"),
        ({**GOOD, "model": "broken"}, 503, "no_capable_endpoint", None),
        (
            {**GOOD, "messages": [{"role": "user", "content": "a b c d e"}]},
            400,
            "context_length_exceeded",
            "messages",
        ),
        ({**GOOD, "response_format": {"type": "json_object"}}, 400, "unsupported_schema", "response_format"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_wrong_chats(
    node: Serving, body: Any, status: int, code: str, param: str | None, stream: bool
) -> None:
    if isinstance(body, dict):
        body = {**body, "stream": stream}
    got, error, _ = await ask(node, body)
    assert (got, error["code"], error["param"]) == (status, code, param)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "missing_credentials"),
        ({"x-api-key": "sk_wrong"}, 401, "invalid_api_key"),
        ({"x-api-key": EXPIRED_KEY}, 401, "expired_api_key"),
        ({"authorization": "Bearer a.b.c"}, 401, "invalid_token"),
        ({"x-api-key": "sk_wrong", "authorization": f"Bearer {API_KEY}"}, 401, "invalid_api_key"),
    ],
)
async def test_wrong_credentials(node: Serving, headers: dict[str, str], status: int, code: str) -> None:
    got, error, answer_headers = await ask(node, GOOD, key=None, headers={**JSON, **headers})
    assert (got, error["code"], error["type"]) == (status, code, "authentication_error")
    assert answer_headers["www-authenticate"] == "Bearer"


async def test_a_scope_is_missing(node: Serving) -> None:
    got, error, _ = await ask(node, b"", method="GET", path="/v0/node/models")
    assert (got, error["code"], error["type"]) == (403, "insufficient_scope", "permission_error")


async def test_media_types(node: Serving) -> None:
    got, error, _ = await ask(node, GOOD, headers={"content-type": "text/plain"})
    assert (got, error["code"]) == (415, "unsupported_media_type")
    async with node.http() as client:
        for kind in ({}, {"content-type": "application/json; charset=utf-8"}):
            answer = await client.post(CHAT, content=json.dumps(GOOD), headers=kind)
            assert answer.status_code == 200


async def test_methods_and_paths(node: Serving) -> None:
    got, error, headers = await ask(node, b"", method="GET")
    assert (got, error["code"]) == (405, "method_not_allowed")
    assert headers["allow"] == "OPTIONS, POST"
    got, error, _ = await ask(node, b"", method="GET", path="/nowhere")
    assert (got, error["code"], error["type"]) == (404, "not_found", "not_found_error")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PUT", "DELETE", "BREW"])
async def test_no_method_breaks_anything(node: Serving, method: str) -> None:
    async with node.http(ADMIN_KEY) as client:
        for route in node.app.routes:
            path = route.document_path.replace("{id}", "x")
            answer = await client.request(method, path)
            assert answer.status_code < 500, (method, path)


async def test_unknown_fields_of_management_requests(node: Serving) -> None:
    body = {"model": "parrot", "colour": "red"}
    got, error, _ = await ask(node, body, path="/v0/node/models/load", key=ADMIN_KEY)
    assert (got, error["param"]) == (400, "colour")


@pytest.mark.parametrize("state", [NodeState.STARTING, NodeState.DRAINING])
async def test_a_node_that_is_not_ready(node: Serving, state: NodeState) -> None:
    node.state = state
    got, error, headers = await ask(node, GOOD)
    code = "loading" if state is NodeState.STARTING else "draining"
    assert (got, error["code"]) == (503, code)
    assert headers["retry-after"]


async def test_the_request_id_comes_back(node: Serving) -> None:
    async with node.http() as client:
        sane = await client.get("/v1/models", headers={"x-request-id": "abc-1.2:3"})
        odd = await client.get("/v1/models", headers={"x-request-id": "a b\tc"})
    assert sane.headers["x-request-id"] == "abc-1.2:3"
    assert odd.headers["x-request-id"] != "a b\tc"
    assert sane.headers["x-corral-node"] == "testnode"


@pytest.mark.parametrize(
    ("error", "status", "type", "retry_after"),
    [
        (QueueFull("x"), 429, "rate_limit_error", True),
        (QueueTimeout("x"), 504, "timeout_error", False),
        (InsufficientMemory("x"), 503, "service_unavailable_error", True),
        (ShuttingDown("x"), 503, "service_unavailable_error", True),
        (WorkerCrashed("x"), 502, "upstream_error", True),
        (RuntimeError("secret"), 500, "server_error", False),
    ],
)
def test_the_rest_of_the_table(error: Exception, status: int, type: str, retry_after: bool) -> None:
    shape = shape_of(error)
    assert (shape.status, shape.type) == (status, type)
    assert ("retry-after" in error_headers(error)) == retry_after
    assert b"secret" not in error_body(error)
