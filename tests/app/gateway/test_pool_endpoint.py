"""The endpoint over the pool of this node."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.engines.errors import InvalidRequest, ModelNotFound, WorkerCrashed
from corral.engines.events import Done
from tests.app.gateway.scripted import ANSWER, MODEL, ScriptedPool, chat
from tests.engines.waiting import until


class Notes:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.first_tokens: list[str] = []
        self.done: list[tuple[str, int]] = []

    def first_token(self, model: str, seconds: float) -> None:
        assert seconds >= 0
        self.first_tokens.append(model)

    def answered(self, model: str, done: Done) -> None:
        self.done.append((model, done.completion_tokens))


def endpoint(pool: ScriptedPool, *, keep_alive_s: float = 60.0, notes: Notes | None = None) -> PoolEndpoint:
    return PoolEndpoint(pool=pool, node_name="n", observer=notes, keep_alive_s=keep_alive_s)


async def read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


@pytest.mark.parametrize(("file_sum", "file_id"), [("ab", "corral:ab"), ("", None)])
def test_models_say_which_files_they_are(file_sum: str, file_id: str | None) -> None:
    one = PoolEndpoint(pool=ScriptedPool(), node_name="n", file_sum=lambda _file: file_sum)
    assert [model.file_id for model in one.models()] == [file_id]


async def test_a_document() -> None:
    notes = Notes()
    answer = await endpoint(ScriptedPool(), notes=notes).forward(chat(stream=False))
    assert answer.status == 200
    assert json.loads(await read(answer.body))["choices"][0]["message"]["content"] == "ab"
    assert (notes.first_tokens, notes.done) == ([MODEL], [(MODEL, 2)])


async def test_a_stream() -> None:
    notes = Notes()
    answer = await endpoint(ScriptedPool(), notes=notes).forward(chat(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    text = await read(answer.body)
    assert text.endswith(b"data: [DONE]\n\n")
    assert text.count(b"data: ") == 5
    assert (notes.first_tokens, notes.done) == ([MODEL], [(MODEL, 2)])


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_before_the_first_byte_is_raised(stream: bool) -> None:
    pool = ScriptedPool([ModelNotFound("no such model", param="model")])
    with pytest.raises(ModelNotFound):
        await endpoint(pool).forward(chat(stream=stream))
    assert pool.closed == 1


async def test_an_error_later_is_the_last_event() -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([*ANSWER[:2], gate, WorkerCrashed("the worker ended")])
    answer = await endpoint(pool).forward(chat(stream=True))
    gate.set()
    *_, error, done, rest = (await read(answer.body)).split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    assert json.loads(error.removeprefix(b"data: ")) == {
        "error": {
            "message": "the worker ended",
            "type": "upstream_error",
            "param": None,
            "code": "endpoint_failed",
        }
    }


async def test_silence_is_filled_with_comments() -> None:
    gate = asyncio.Event()
    answer = await endpoint(ScriptedPool([gate, *ANSWER]), keep_alive_s=0.01).forward(chat(stream=True))
    pieces = aiter(answer.body)
    assert [await anext(pieces) for _ in range(2)] == [b": keep-alive\n\n"] * 2
    gate.set()
    assert (await read(pieces)).endswith(b"data: [DONE]\n\n")


async def test_an_error_after_comments_is_the_last_event() -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([gate, ModelNotFound("gone")])
    answer = await endpoint(pool, keep_alive_s=0.01).forward(chat(stream=True))
    gate.set()
    assert b'"code":"model_not_found"' in await read(answer.body)


async def test_leaving_a_stream_cancels_it() -> None:
    pool = ScriptedPool([*ANSWER[:2], asyncio.Event()])
    answer = await endpoint(pool).forward(chat(stream=True))
    await answer.body.aclose()  # type: ignore[attr-defined] # before anything was read
    assert pool.closed == 1


async def test_leaving_while_waiting_cancels_it() -> None:
    pool = ScriptedPool([asyncio.Event()])
    task = asyncio.create_task(endpoint(pool).forward(chat(stream=False)))
    await until(lambda: bool(pool.asked), "the pool is asked")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.closed == 1


async def test_only_known_paths() -> None:
    with pytest.raises(InvalidRequest):
        await endpoint(ScriptedPool()).forward(chat(stream=False, path="/v1/poems"))
