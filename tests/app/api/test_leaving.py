"""Clients that leave, and clients that are slow."""

import asyncio
import json
from pathlib import Path

from tests.app.api.serving import API_KEY, Serving, serving
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until

WORD_COUNT = 3000
WORDS = "word " * WORD_COUNT


async def send_chat(
    node: Serving, *, stream: bool, text: str = WORDS, key: str = API_KEY
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    body = json.dumps(
        {"model": "parrot", "messages": [{"role": "user", "content": text}], "stream": stream}
    ).encode()
    host, _, port = node.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**10)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


def active(node: Serving) -> int:
    (status,) = node.pool.models()
    return status.live.active


async def test_leaving_a_stream_frees_the_model(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    async with serving(tmp_path) as node:
        reader, writer = await send_chat(node, stream=True)
        await reader.readuntil(b"word")
        await until(lambda: active(node) == 1, "the answer is being made")
        writer.close()
        await writer.wait_closed()
        await until(lambda: active(node) == 0, "the model is free again")
        await until(lambda: node.app.active._value.get() == 0, "no request is in flight")


async def test_leaving_a_response_frees_the_model(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    async with serving(tmp_path) as node, node.openai() as client:
        stream = await client.responses.create(model="parrot", input=WORDS, stream=True)
        await until(lambda: active(node) == 1, "the answer is being made")
        await stream.close()
        await until(lambda: active(node) == 0, "the model is free again")


async def test_leaving_before_the_answer_frees_the_model(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    async with serving(tmp_path) as node:
        _, writer = await send_chat(node, stream=False)
        await until(lambda: active(node) == 1, "the answer is being made")
        writer.close()
        await writer.wait_closed()
        await until(lambda: active(node) == 0, "the model is free again")


async def test_a_slow_reader_holds_nobody_up(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node:
        reader, writer = await send_chat(node, stream=True)
        assert await reader.read(1)
        async with node.openai() as client:
            for _ in range(3):
                answer = await client.chat.completions.create(
                    model="parrot", messages=[{"role": "user", "content": "quick"}]
                )
                assert answer.choices[0].message.content == "quick"
        text = b""
        while not text.endswith(b"[DONE]\n\n\r\n0\r\n\r\n"):
            text += await reader.read(2**16)
        writer.close()
        await writer.wait_closed()
        assert text.count(b"word") == WORD_COUNT


async def test_a_worker_that_dies_is_the_last_event(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=100, crash_after_tokens=3)
    async with serving(tmp_path) as node, node.http() as client:
        answer = await client.post(
            "/v1/chat/completions",
            json={"model": "parrot", "messages": [{"role": "user", "content": WORDS}], "stream": True},
        )
        *_, error, done, rest = answer.text.split("\n\n")
    assert answer.status_code == 200
    assert (done, rest) == ("data: [DONE]", "")
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "endpoint_failed"
