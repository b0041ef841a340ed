"""Real pools behind the peer port: what a client gets is what it would get from the machine itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from corral.app.gateway.endpoint import GatewayRequest
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.openai.token_count import COUNT_PATH
from corral.engines.library import Library
from corral.engines.llama.engine import LlamaEngine
from corral.engines.model import Lifecycle, LoadOptions
from corral.engines.pool import ModelPool
from tests.app.gateway.scripted import chat
from tests.app.serving.machines import Lan, Peer, echo_lan, lan
from tests.engines.echo_files import write_echo
from tests.engines.pools import WORDS, machine
from tests.engines.waiting import until
from tests.models.synth_gguf import write_llama

ADDING = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}},
            "required": ["a"],
            "additionalProperties": False,
        },
    },
}


def asking(path: str, *, model: str = "parrot", **body: Any) -> GatewayRequest:
    request = chat(stream=bool(body.get("stream")), model=model, path=path)
    return replace(request, json={"model": model, **body}, body=json.dumps(body).encode())


def saying(text: str, **body: Any) -> GatewayRequest:
    messages = [{"role": "user", "content": text}]
    return asking("/v1/chat/completions", messages=messages, **body)


async def read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


async def answer_of(there: Lan, request: GatewayRequest) -> Any:
    return json.loads(await read((await there.router.gateway.forward(request)).body))


async def pieces_of(there: Lan, request: GatewayRequest) -> list[Any]:
    data = await read((await there.router.gateway.forward(request)).body)
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def text_in(pieces: list[Any], index: int = 0) -> str:
    deltas = [choice for piece in pieces for choice in piece["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in deltas)


async def test_everything_that_can_be_asked(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with echo_lan(tmp_path, count=1) as there:
        assert text_in(await pieces_of(there, saying("one two three", stream=True))) == "one two three"
        two = await pieces_of(there, saying("one two", stream=True, n=2))
        assert [text_in(two, index) for index in (0, 1)] == ["one two"] * 2
        document = await answer_of(there, saying("one two", n=2))
        assert [choice["message"]["content"] for choice in document["choices"]] == ["one two"] * 2
        prompts = [f"prompt {number}" for number in range(40)]
        many = await answer_of(there, asking("/v1/completions", prompt=prompts))
        assert [choice["text"] for choice in many["choices"]] == prompts
        vectors = await answer_of(there, asking("/v1/embeddings", input=["a", "b"]))
        assert len(vectors["data"]) == 2
        ranking = await answer_of(there, asking("/v1/rerank", query="a", documents=["b", "a"]))
        assert len(ranking["results"]) == 2
        prompt = {"model": "parrot", "messages": [{"role": "user", "content": "one two"}]}
        assert await answer_of(there, asking(COUNT_PATH, chat=prompt)) == {"input_tokens": 2}
        assert there.router.admission.running == 0


async def test_a_client_that_leaves_cancels_there(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=50)
    async with echo_lan(tmp_path, count=1) as there:
        (peer,) = there.peers
        answer = await there.router.gateway.forward(saying(WORDS, stream=True))
        pieces = aiter(answer.body)
        while b"three" not in await anext(pieces):
            pass
        await answer.body.aclose()  # type: ignore[attr-defined]
        await until(lambda: _workers_idle(peer), "the peer's worker has dropped it")
        assert there.router.admission.running == 0


def _workers_idle(peer: Peer) -> bool:
    assert isinstance(peer.pool, ModelPool)
    return all(status.idle_s is not None for status in peer.pool.models())


async def test_work_goes_to_both_and_a_dead_one_is_left_out(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=200)
    async with echo_lan(tmp_path) as there:
        texts = [f"{number} {WORDS[:60].strip()}" for number in range(12)]
        answers = await asyncio.gather(*(there.router.gateway.forward(saying(text)) for text in texts))
        who = {answer.headers["x-corral-node"] for answer in answers}
        assert who == {"peer0", "peer1"}
        said = [json.loads(await read(answer.body)) for answer in answers]
        assert [each["choices"][0]["message"]["content"] for each in said] == texts
        there.beat()
        statuses = [peer.heard.find("Parrot") for peer in there.router.peers.peers()]
        assert [None if each is None else each.lifecycle for each in statuses] == [Lifecycle.LOADED] * 2
        assert all(peer.heard.reported("parrot").pace.decode for peer in there.router.peers.peers())
        (model,) = there.router.gateway.models()
        assert (model["id"], model["nodes"]) == ("parrot", ["peer0", "peer1"])

        await there.peers[0].die()
        again = await asyncio.gather(*(there.router.gateway.forward(saying(text)) for text in texts))
        assert {answer.headers["x-corral-node"] for answer in again} == {"peer1"}
        for answer in again:
            await read(answer.body)


async def test_a_crash_of_a_worker_there_is_told_as_here(tmp_path: Path) -> None:
    write_echo(tmp_path, crash_after_tokens=3)
    async with echo_lan(tmp_path, count=1) as there:
        *_, last = await pieces_of(there, saying(WORDS, stream=True))
        assert (last["error"]["type"], last["error"]["code"]) == ("upstream_error", "endpoint_failed")


@asynccontextmanager
async def tiny_lan(folder: Path) -> AsyncIterator[Lan]:
    """A peer with a real engine and a tiny random llama; the router has the same pool as its own."""
    write_llama(folder / "tiny.gguf")
    async with AsyncExitStack() as stack:
        pool = ModelPool(
            library=Library(folder=folder),
            engines=(LlamaEngine(),),
            devices=machine(64),
            options=lambda _name: LoadOptions(context_length=512, max_sequences=4, threads=1),
        )
        await pool.start()
        stack.push_async_callback(pool.stop)
        there = await stack.enter_async_context(lan(folder, pool))
        there.router.own.append(PoolEndpoint(pool=pool, node_name="router"))
        yield there


async def test_a_real_engine_answers_there_as_here(tmp_path: Path) -> None:
    async with tiny_lan(tmp_path) as there:
        own, (peer,) = there.router.own, there.peers
        request = saying(
            "hi", model="tiny", temperature=0, max_tokens=12, logprobs=True, top_logprobs=2, n=2, seed=1
        )
        endpoints = there.router.endpoint(peer), own[0]
        far, near = [json.loads(await read((await endpoint.forward(request)).body)) for endpoint in endpoints]
        assert far["choices"] == near["choices"]
        assert far["choices"][0]["logprobs"]["content"]
        calling = saying(
            "add",
            model="tiny",
            temperature=0,
            max_tokens=100,
            tools=[ADDING],
            tool_choice={"type": "function", "function": {"name": "add"}},
        )
        document = json.loads(await read((await endpoints[0].forward(calling)).body))
        (call,) = document["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == "add"
        assert json.loads(call["function"]["arguments"])["a"] in range(10)
