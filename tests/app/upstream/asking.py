"""An endpoint over a fake server, and requests for it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from corral.app.gateway.endpoint import Client, EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.experience import Experience
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.endpoint import ServerEndpoint
from corral.app.upstream.server import Server
from tests.fakes.openai_server import MODEL, FakeOpenAI


@asynccontextmanager
async def upstream_client() -> AsyncIterator[UpstreamClient]:
    """One that is closed at the end."""
    client = UpstreamClient()
    try:
        yield client
    finally:
        await client.close()


def served(id: str, capabilities: Sequence[str] = (), file_id: str | None = None) -> ServedModel:
    """A model as an endpoint lists it."""
    return ServedModel(
        id=id,
        created=1,
        capabilities=frozenset(capabilities),
        ready=True,
        lifecycle_status="registered",
        context_length=0,
        size_bytes=0,
        quantization="",
        file_id=file_id,
        continues=file_id is not None,
    )


def endpoint_over(
    fake: FakeOpenAI | str,
    client: UpstreamClient,
    *,
    names: dict[str, str] | None = None,
    api_key: str | None = None,
    timeout_s: float = 30.0,
    keep_alive_s: float = 10.0,
    experience: Experience | None = None,
    id: str = "e1",
    capabilities: Sequence[str] = (),
    file_id: str | None = None,
) -> ServerEndpoint:
    """`names`: as clients know the models → as they are called there."""
    names = names or {MODEL: MODEL}
    models = tuple(served(each, capabilities, file_id) for each in names)
    server = Server(
        id=EndpointId(id),
        name=f"server {id}",
        base_url=fake if isinstance(fake, str) else fake.base_url,
        api_key=api_key,
        timeout_s=timeout_s,
    )
    return ServerEndpoint(
        server=lambda: server,
        models=lambda: models,
        name_there=lambda model: names.get(model.strip().lower()),
        client=client,
        keep_alive_s=keep_alive_s,
        experience=experience,
    )


def request(
    path: str = "/v1/chat/completions",
    *,
    model: str = MODEL,
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> GatewayRequest:
    """As a client sends it."""
    body: dict[str, Any] = {"model": model, **fields}
    if path == "/v1/chat/completions":
        body.setdefault("messages", [{"role": "user", "content": "hi"}])
    return GatewayRequest(
        method="POST",
        path=path,
        headers={"content-type": "application/json", **(headers or {})},
        body=json.dumps(body).encode(),
        json=body,
        model=model,
        client=Client(address="127.0.0.1"),
        request_id="r-1",
    )


async def whole(answer: GatewayResponse) -> bytes:
    """The body, to its end."""
    return b"".join([piece async for piece in answer.body])


def texts(stream: bytes) -> list[str]:
    """What the chunks of a chat stream say."""
    return [
        choice["delta"].get("content") or ""
        for event in events(stream)
        for choice in event.get("choices", ())
        if choice["delta"].get("content")
    ]


def events(stream: bytes) -> list[Any]:
    """The JSON events of a stream, without [DONE]."""
    lines = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]
