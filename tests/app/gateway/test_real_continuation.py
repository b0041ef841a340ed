"""Greedy streams of real models that break in the middle, whatever breaks them: the text is the unbroken one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.servers import Shape, xllamacpp_server
from corral.app.gateway.endpoint import Endpoint, GatewayRequest, GatewayResponse
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.engines.library import Library
from corral.engines.llama.engine import LlamaEngine
from corral.engines.model import LoadOptions
from corral.engines.pool import ModelPool
from tests.app.serving.machines import Lan, lan
from tests.app.upstream.asking import endpoint_over, events, request, upstream_client
from tests.engines.pools import workers

NODE_MODEL = "smollm2-135m-instruct"
SERVER_MODEL = "smollm"
SHAPE = Shape(
    threads=1, context_tokens=2048, batch_tokens=256, sequences=2, unified=False, flash_attention=False
)
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Write three sentences about the sea."}]}
COMPLETION: dict[str, Any] = {
    "prompt": "The numbers: 1, 2, 3, 4, 5, 6,"  # each next token is clear: reading and generating differ in the last digits
}
GREEDY: dict[str, Any] = {"stream": True, "temperature": 0, "seed": 1, "max_tokens": 32}
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}
ROUTES = [("/v1/chat/completions", CHAT), ("/v1/completions", COMPLETION)]


def asking(path: str, model: str, fields: dict[str, Any]) -> GatewayRequest:
    return request(path, model=model, **fields, **GREEDY, **USAGE)


def text_in(stream: bytes) -> str:
    choices = [choice for event in events(stream) for choice in event.get("choices", ())]
    return "".join(
        each["delta"].get("content") or "" if "delta" in each else each["text"] for each in choices
    )


async def whole(answer: GatewayResponse) -> bytes:
    return b"".join([piece async for piece in answer.body])


async def broken(answer: GatewayResponse, kill: Callable[[], Any], *, words: int = 5) -> bytes:
    """A stream whose endpoint is killed after some pieces."""
    stream, pieces = b"", aiter(answer.body)
    while len(text_in(stream).split()) < words:
        stream += await anext(pieces)
    result = kill()
    if asyncio.iscoroutine(result):
        await result
    return stream + b"".join([piece async for piece in pieces])


def checked(stream: bytes, unbroken: bytes, asked: GatewayRequest) -> None:
    """As if nothing had happened, but for a comment."""
    assert text_in(stream) == text_in(unbroken)
    assert b": continued on " in stream and b": continued on " not in unbroken
    assert asked.trace.error_code is None and len(asked.trace.continued_on) == 1
    last, expected = events(stream)[-1]["usage"], events(unbroken)[-1]["usage"]
    assert [last[name] for name in ("prompt_tokens", "completion_tokens")] == [
        expected[name] for name in ("prompt_tokens", "completion_tokens")
    ]


def kill_worker() -> None:
    (pid,) = workers()
    os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def running_pool(folder: Path) -> AsyncIterator[ModelPool]:
    pool = ModelPool(
        library=Library(folder=folder),
        engines=(LlamaEngine(),),
        options=lambda _name: LoadOptions(context_length=1024, max_sequences=2, threads=1),
    )
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


@asynccontextmanager
async def two_peers(folder: Path, model: Path) -> AsyncIterator[Lan]:
    (folder / "models").mkdir()
    (folder / "models" / model.name).symlink_to(model)
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(running_pool(folder / "models")) for _ in range(2)]
        yield await stack.enter_async_context(lan(folder, *pools, sha256=lambda file: file.name))


async def test_a_peer_that_dies(starter_model: Path, tmp_path: Path) -> None:
    async with two_peers(tmp_path, starter_model) as there:
        path, fields = ROUTES[0]
        unbroken = b""
        for peer in there.peers:  # both have it loaded then
            asked = asking(path, NODE_MODEL, fields)
            unbroken = await whole(await there.router.endpoint(peer).forward(asked))
        asked = asking(path, NODE_MODEL, fields)
        answer = await there.router.gateway.forward(asked)
        dying = next(peer for peer in there.peers if peer.name == answer.headers["x-corral-node"])
        checked(await broken(answer, dying.die), unbroken, asked)
        assert there.router.admission.running == 0


async def test_a_worker_that_is_killed(starter_model: Path, tmp_path: Path) -> None:
    (tmp_path / starter_model.name).symlink_to(starter_model)
    async with running_pool(tmp_path) as pool:
        endpoint: Endpoint = PoolEndpoint(pool=pool, node_name="here")
        gateway = Gateway(endpoints=lambda: [endpoint])
        unbroken = [
            await whole(await gateway.forward(asking(path, NODE_MODEL, fields))) for path, fields in ROUTES
        ]
        for expected, (path, fields) in zip(unbroken, ROUTES, strict=True):
            asked = asking(path, NODE_MODEL, fields)
            answer = await gateway.forward(asked)
            checked(await broken(answer, kill_worker), expected, asked)


async def test_a_llama_server_that_is_killed(starter_model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with upstream_client() as client, AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(xllamacpp_server(starter_model, SHAPE, tmp_path / name))
            for name in ("one", "two")
        ]
        experience = Experience()
        endpoints: list[Endpoint] = [
            endpoint_over(
                server.address.url,
                client,
                names={SERVER_MODEL: server.model},
                experience=experience,
                id=f"e{number}",
                file_id="same",
            )
            for number, server in enumerate(servers)
        ]
        path, fields = ROUTES[0]
        unbroken = await whole(await endpoints[1].forward(asking(path, SERVER_MODEL, fields)))
        asked = asking(path, SERVER_MODEL, fields)
        answer = await Gateway(endpoints=lambda: endpoints).forward(asked)
        victim = servers[int(answer.headers["x-corral-endpoint"][1:])]
        checked(await broken(answer, lambda: os.kill(victim.process_id, signal.SIGKILL)), unbroken, asked)
