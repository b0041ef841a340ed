"""Connections with plain requests, with others, and with both."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from corral.app.http1 import connection
from corral.app.http1.handler import Sink
from corral.app.http1.plain_request import PlainRequest
from tests.app.http1.site import BY_APP, HANDLED, PATH, connected, header, request, served
from tests.engines.waiting import until


async def test_one_request_after_the_other() -> None:
    async with served() as server, connected(server) as client:
        for body in (b"one", b"", b"three" * 10_000):
            client.send(request(body))
            response, echoed = await client.answer()
            assert (response.status_code, header(response, "x-by")) == (200, HANDLED)
            assert header(response, "x-address") == "127.0.0.1"
            assert header(response, "date").endswith("GMT")
            assert echoed == body


async def test_requests_that_come_before_their_turn_are_answered_in_order() -> None:
    async with served() as server, connected(server) as client:
        bodies = [b"%d" % number * number for number in range(50)]
        client.send(b"".join(map(request, bodies)))
        assert [(await client.answer())[1] for _ in bodies] == bodies


async def test_a_client_that_sends_far_ahead_has_to_wait() -> None:
    may_answer = asyncio.Event()

    async def handler(asked: PlainRequest, sink: Sink) -> None:
        await may_answer.wait()
        await sink.whole(200, {}, asked.body)

    async with served(handler) as server, connected(server) as client:
        bodies = [bytes([65 + number]) * 500_000 for number in range(40)]
        client.send(b"".join(map(request, bodies)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.writer.drain(), 0.5)  # 20 MB don't fit anywhere
        may_answer.set()
        assert [(await client.answer())[1] for _ in bodies] == bodies


async def test_bodies_that_come_in_pieces() -> None:
    async with served() as server, connected(server) as client:
        data = request(b"body" * 5000)
        end = data.index(b"\r\n\r\n") + 4
        for piece in (data[:end], data[end : end + 1], data[end + 1 : 9000], data[9000:] + data[: end + 5]):
            client.send(piece)
            await client.writer.drain()
            await asyncio.sleep(0)
        client.send(data[end + 5 :])
        for _ in range(2):
            response, body = await client.answer()
            assert (header(response, "x-by"), body) == (HANDLED, b"body" * 5000)


@pytest.mark.parametrize(
    "data",
    [
        request(b"x", path="/elsewhere"),
        request(b"x", path=PATH + "?a=b"),
        request(b"x", method="PUT"),
        request(b"x", extra="x-a: b\r\nx-a: c\r\n"),
        b"POST /v1/plain HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"POST /v1/plain HTTP/1.1\nhost: here\ncontent-length: 1\n\nx",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_other_requests_go_to_the_app_and_the_connection_with_them(data: bytes, at_once: bool) -> None:
    async with served() as server, connected(server) as client:
        client.send(request(b"first") + (data if at_once else b""))
        assert header((await client.answer())[0], "x-by") == HANDLED
        if not at_once:
            client.send(data)
        response, body = await client.answer()
        assert (header(response, "x-by"), body) == (BY_APP, b"x")
        client.send(request(b"last"))
        response, body = await client.answer()
        assert (header(response, "x-by"), body) == (BY_APP, b"last")


async def test_a_head_in_pieces_is_answered() -> None:
    async with served() as server, connected(server) as client:
        for byte in request(b"slow"):
            client.send(bytes([byte]))
            await client.writer.drain()
        response, body = await client.answer()
        assert (header(response, "x-by"), body) == (BY_APP, b"slow")


async def test_a_client_that_waits_for_leave_to_send_gets_it() -> None:
    async with served() as server, connected(server) as client:
        client.send(request(b"big", extra="expect: 100-continue\r\n")[:-3])
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        client.send(b"big")
        response, body = await client.answer()
        assert (header(response, "x-by"), body) == (BY_APP, b"big")


async def test_a_long_body_goes_to_the_app() -> None:
    async with served() as server, connected(server) as client:
        body = b"x" * (connection.MOST_BODY_BYTES + 1)
        client.send(request(body))
        response, echoed = await client.answer()
        assert (header(response, "x-by"), echoed) == (BY_APP, body)
        longest = body[1:]
        async with connected(server) as second:
            second.send(request(longest))
            response, echoed = await second.answer()
            assert (header(response, "x-by"), echoed) == (HANDLED, longest)


async def test_a_slow_body_goes_to_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_S", 0.01)
    async with served() as server, connected(server) as client:
        data = request(b"slow body")
        client.send(data[:-4])
        await until(lambda: bool(server._listener._others), "Hypercorn has the connection")
        client.send(data[-4:])
        response, body = await client.answer()
        assert (header(response, "x-by"), body) == (BY_APP, b"slow body")


async def test_who_is_in_charge_is_asked_for_each_request() -> None:
    in_charge = True
    async with served(handled=lambda: in_charge) as server, connected(server) as client:
        for expected in (HANDLED, BY_APP):
            client.send(request(b"x"))
            assert header((await client.answer())[0], "x-by") == expected
            in_charge = False


async def test_nonsense_is_refused() -> None:
    async with served() as server, connected(server) as client:
        client.send(b"nonsense\r\n\r\n")
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 400")
        await client.reader.read()


async def stream(sink: Sink, pieces: AsyncIterator[bytes], **headers: str) -> None:
    await sink.begin(200, {name.replace("_", "-"): value for name, value in headers.items()})
    async for piece in pieces:
        await sink.piece(piece)
    await sink.end()


async def test_streams() -> None:
    go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await go_on.wait()
        yield b""
        yield b"data: 2\n\n"

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        await stream(sink, pieces(), content_type="text/event-stream")

    async with served(handler) as server, httpx.AsyncClient() as client:
        for _ in range(2):
            go_on.clear()
            url = f"http://127.0.0.1:{server.port}{PATH}"
            async with client.stream("POST", url) as response:
                raw = response.aiter_raw()
                assert response.headers["transfer-encoding"] == "chunked"
                assert await anext(raw) == b"data: 1\n\n"
                go_on.set()
                assert b"".join([piece async for piece in raw]) == b"data: 2\n\n"


async def test_a_stream_of_known_length() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"de"

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        await stream(sink, pieces(), content_length="5")

    async with served(handler) as server, connected(server) as client:
        for _ in range(2):
            client.send(request())
            response, body = await client.answer()
            assert (header(response, "transfer-encoding"), body) == ("", b"abcde")


async def test_a_client_that_leaves_cancels_its_answer() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with served(handler) as server:
        async with connected(server) as client:
            client.send(request())
            await begun.wait()
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_a_client_that_does_not_read_stops_the_stream_until_it_does() -> None:
    sent = 0

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        nonlocal sent
        await sink.begin(200, {})
        for _ in range(200):
            await sink.piece(b"x" * 250_000)
            sent += 1
        await sink.end()

    async with served(handler) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
        writer.write(request())
        await until(lambda: sent > 0, "a piece was sent")
        last = -1
        while sent != last:  # it stands still at last
            last = sent
            await asyncio.sleep(0.2)
        assert 0 < sent < 200
        data = b""
        while not data.endswith(b"\r\n0\r\n\r\n"):
            data += await reader.read(2**20)
        assert (sent, data.count(b"x")) == (200, 50_000_000)
        writer.close()


async def test_a_client_that_leaves_while_its_stream_waits_cancels_it() -> None:
    ended = asyncio.Event()

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        try:
            await sink.begin(200, {})
            while True:
                await sink.piece(b"x" * 250_000)
        finally:
            ended.set()

    async with served(handler) as server:
        async with connected(server) as client:
            client.send(request())
            await client.reader.read(1)
            client.writer.transport.abort()
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_handler_that_fails_ends_the_connection() -> None:
    async def handler(asked: PlainRequest, sink: Sink) -> None:
        if asked.body == b"late":
            await sink.begin(200, {})
            await sink.piece(b"half")
        elif asked.body == b"header":
            await sink.whole(200, {"x": "a\r\nb: c"}, b"")
        raise RuntimeError("no")

    async with served(handler) as server:
        for body in (b"early", b"header"):
            async with connected(server) as client:
                client.send(request(body))
                response, said = await client.answer()
                assert (response.status_code, header(response, "connection"), said) == (500, "close", b"")
                assert await client.ended()
        async with connected(server) as client:
            client.send(request(b"late"))
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await client.reader.readuntil(b"0\r\n\r\n")


async def test_idle_connections_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corral.app.server.KEEP_ALIVE_S", 0.05)
    async with served() as server:
        async with connected(server) as silent:
            assert await silent.ended()
        async with connected(server) as client:
            client.send(request(b"x"))
            await client.answer()
            assert await client.ended()


async def test_the_end_of_the_server_lets_answers_finish() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def handler(asked: PlainRequest, sink: Sink) -> None:
        if asked.body == b"stream":
            await sink.begin(200, {})
        begun.set()
        await may_end.wait()
        if asked.body == b"stream":
            await sink.piece(b"whole")
            await sink.end()
        else:
            await sink.whole(200, {}, b"whole")

    for body in (b"stream", b"answer"):
        begun.clear()
        may_end.clear()
        async with served(handler) as server, connected(server) as client, connected(server) as idle:
            client.send(request(body) + request(b"next"))
            await begun.wait()
            stopping = asyncio.create_task(server.stop())
            assert await idle.ended()
            assert not stopping.done()
            may_end.set()
            response, answered = await client.answer()
            assert answered == b"whole"
            assert header(response, "connection") == ("close" if body == b"answer" else "")
            assert await client.ended()
            await stopping


async def test_the_end_of_the_server_cuts_what_takes_too_long() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def handler(_asked: PlainRequest, sink: Sink) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with served(handler, grace_s=0.05) as server, connected(server) as client:
        client.send(request())
        await begun.wait()
        await server.stop()
        assert ended.is_set()
        assert await client.ended()
