"""Bodies that are too large, on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.app.api.serving import ADMIN_KEY, API_KEY, Serving, serving

MIB = 1024 * 1024
CHAT = "/v1/chat/completions"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield b" " * MIB


async def post(node: Serving, path: str, body: bytes | AsyncIterator[bytes], key: str) -> httpx.Response:
    headers = {"content-type": "application/json", "x-api-key": key}
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as client:
        return await client.post(path, content=body, headers=headers)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "key", "size", "limit"),
    [(CHAT, API_KEY, 33 * MIB, "32 MiB"), ("/v0/node/models/load", ADMIN_KEY, 2 * MIB, "1 MiB")],
)
async def test_too_much(tmp_path: Path, chunked: bool, path: str, key: str, size: int, limit: str) -> None:
    async with serving(tmp_path) as node:
        answer = await post(node, path, chunks(size) if chunked else b" " * size, key)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"
        assert limit in answer.json()["error"]["message"]


async def test_a_large_body_is_possible(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        message = b'{"role":"user","content":"' + b"y" * (31 * MIB) + b'"}'
        body = b'{"model":"nobody","messages":[' + message + b"]}"
        answer = await post(node, CHAT, body, API_KEY)
        assert answer.status_code == 404


async def test_a_declared_length_is_enough_to_refuse(tmp_path: Path) -> None:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {API_KEY}\r\n"
        f"Content-Length: {10**12}\r\n\r\n{{"
    )
    async with serving(tmp_path) as node:
        host, _, port = node.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode())
        async with asyncio.timeout(20):
            answer = await reader.readuntil(b"}}")
            assert answer.startswith(b"HTTP/1.1 413")
            assert await reader.read() == b"", "the connection ends soon"
        writer.close()
        await writer.wait_closed()


async def test_a_refused_key_does_not_cost_the_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        answer = await post(node, CHAT, b" " * (33 * MIB), "sk_wrong")
        assert answer.status_code == 401


@pytest.mark.parametrize("key", [API_KEY, "sk_wrong"])
async def test_who_sends_on_and_on_is_cut_off(tmp_path: Path, key: str) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {10**12}\r\n\r\n"
    async with serving(tmp_path) as node:
        host, _, port = node.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode())
        async with asyncio.timeout(60):
            with pytest.raises(ConnectionError):
                while True:
                    writer.write(bytes(MIB))
                    await writer.drain()
        writer.close()
