"""Clients that leave, and clients that are slow, behind a follower."""

import asyncio
from pathlib import Path

from corral.app.front_door.exchange import WAITING_BYTES
from tests.app.api.test_leaving import WORD_COUNT, active, send_chat
from tests.app.front_door.scripted_app import Script, ready
from tests.app.front_door.two_nodes import two_nodes
from tests.engines.waiting import until


async def test_leaving_a_stream_frees_the_model(tmp_path: Path) -> None:
    async with two_nodes(tmp_path, echo={"tokens_per_s": 20}) as both:
        reader, writer = await send_chat(both.door, stream=True)
        await reader.readuntil(b"word")
        await until(lambda: active(both.router.node) == 1, "the answer is being made")
        writer.close()
        await writer.wait_closed()
        await until(lambda: active(both.router.node) == 0, "the model is free again")
        await until(lambda: both.router.node.app.active._value.get() == 0, "no request is in flight")


async def test_leaving_before_the_answer_frees_the_model(tmp_path: Path) -> None:
    async with two_nodes(tmp_path, echo={"tokens_per_s": 20}) as both:
        _, writer = await send_chat(both.door, stream=False)
        await until(lambda: active(both.router.node) == 1, "the answer is being made")
        writer.close()
        await writer.wait_closed()
        await until(lambda: active(both.router.node) == 0, "the model is free again")


async def test_leaving_within_the_body(tmp_path: Path) -> None:
    app = Script()
    async with two_nodes(tmp_path, app=app) as both:
        port = int(both.door.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000)
        await until(lambda: app.running == 1, "the router has its beginning")
        writer.close()
        await writer.wait_closed()
        await until(lambda: app.running == 0, "the router knows")
    assert app.bodies == []


async def test_a_slow_reader_holds_nobody_up(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both:
        reader, writer = await send_chat(both.door, stream=True)
        assert await reader.read(1)
        async with both.door.openai() as client:
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


async def test_who_does_not_read_makes_the_router_wait(tmp_path: Path) -> None:
    app = ready(endless=True, pieces=[b"x" * WAITING_BYTES])
    async with two_nodes(tmp_path, app=app) as both:
        port = int(both.door.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await reader.read(1)
        await _until_still(app)
        sent = app.sent
        while app.sent == sent:  # it goes on when there is room
            assert await reader.read(2**20)
        writer.close()
        await writer.wait_closed()
        await until(lambda: app.running == 0, "the router knows that nobody wants it")
        assert app.cancelled == 1


async def _until_still(app: Script) -> None:
    """Every buffer on the way is full: nothing was sent for a while."""
    loop = asyncio.get_running_loop()
    last, since = -1, loop.time()

    def still() -> bool:
        nonlocal last, since
        if app.sent != last:
            last, since = app.sent, loop.time()
        return loop.time() - since > 0.5

    await until(still, "the router waits")
