"""Anthropic's and Ollama's clients at the door of a node that isn't the router."""

import json
from pathlib import Path
from typing import Any

import anthropic
import ollama
import pytest

from tests.app.api.serving import API_KEY
from tests.app.front_door.scripted_app import Script
from tests.app.front_door.two_nodes import NOBODY, two_nodes

ASKED: Any = [{"role": "user", "content": "one two"}]
LINES = (b"content-type", b"application/x-ndjson")
EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")


async def test_both_are_relayed(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both:
        claude = anthropic.AsyncAnthropic(base_url=both.door.url, api_key=API_KEY, max_retries=0)
        llama = ollama.AsyncClient(host=both.door.url, headers={"authorization": f"Bearer {API_KEY}"})
        async with claude, llama:
            async with claude.messages.stream(model="parrot", max_tokens=9, messages=ASKED) as stream:
                assert await stream.get_final_text() == "one two"
            assert (await claude.messages.count_tokens(model="parrot", messages=ASKED)).input_tokens == 2
            parts = [part async for part in await llama.chat("parrot", ASKED, stream=True)]
            assert "".join(part.message.content or "" for part in parts) == "one two"
            long = "x" * 2**21  # longer than what is not for models may be
            assert (await llama.generate("parrot", long, raw=True)).response == long
        assert len(both.router.node.log.records) == 4
        assert not both.near.log.records


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", {"type": "error", "error": {"type": "overloaded_error"}}),
        ("/api/chat", {}),
    ],
)
async def test_without_a_router_it_is_said_in_the_dialect(
    tmp_path: Path, path: str, expected: dict[str, Any]
) -> None:
    async with two_nodes(tmp_path, hold_s=0.1) as both, both.door.http() as client:
        both.board.write(NOBODY)
        answer = await client.post(path, json={"model": "parrot", "messages": ASKED})
        assert (await client.get("/api/version")).status_code == 200, "each node answers it itself"
    assert answer.status_code == 503
    document = answer.json()
    if expected:
        assert (document["type"], document["error"]["type"]) == ("error", "overloaded_error")
        assert document["request_id"] == answer.headers["request-id"]
    else:
        assert isinstance(document["error"], str)


@pytest.mark.parametrize(
    ("path", "kind", "piece", "end"),
    [
        ("/v1/messages", EVENTS, b"event: ping\ndata: {}\n\nevent: x", "\n\n"),
        ("/api/chat", LINES, b'{"done":false}\n{"do', "\n"),
    ],
)
async def test_a_stream_that_breaks_off_ends_with_an_error(
    tmp_path: Path, path: str, kind: tuple[bytes, bytes], piece: bytes, end: str
) -> None:
    app = Script(headers=[kind], pieces=[piece, b"never"])
    app.go.set()
    async with (
        two_nodes(tmp_path, standby=True, app=app) as both,
        both.door.http() as client,
        client.stream("POST", path, json={"model": "parrot", "messages": ASKED}) as answer,
    ):
        pieces = answer.aiter_text()
        text = await anext(pieces)
        while end not in text:
            text += await anext(pieces)
        both.router.wire.cut()
        text += "".join([piece async for piece in pieces])
    first, last, rest = text.split(end)
    assert rest == "" and first + end == piece.decode()[: len(first + end)]
    if path.startswith("/api/"):
        assert "lost" in json.loads(last)["error"]
    else:
        name, data = last.split("\n")
        assert name == "event: error"
        assert json.loads(data.removeprefix("data: "))["error"]["type"] == "api_error"
