"""Asking over plain HTTP: connections that are kept, answers of every form, and servers that break the rules."""

import asyncio
import gzip
import zlib

import pytest

from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import UpstreamBroke, UpstreamTimeout, UpstreamUnreachable
from tests.app.upstream.plain.raw_server import RawServer, Talk, always, answering, ok, raw_server
from tests.engines.waiting import until

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def body_from(client: UpstreamClient, server: RawServer, *, timeout_s: float = 10.0) -> bytes:
    response = await client.open(server.url, "POST", "/x", body=b"question", timeout_s=timeout_s)
    assert response.status == 200
    return await response.read(2**27)


async def test_what_is_sent(client: UpstreamClient) -> None:
    async with raw_server(always(ok(b"yes"))) as server:
        await client.open(server.url, "POST", "/v1/x?a=b%20c", headers={"x-a": "\u00e9"}, body=b"abc")
        await client.open(server.url, "GET", "/")
        first, second = server.talks[0].requests
    assert (
        first
        == (
            f"POST /v1/x?a=b%20c HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\naccept-encoding: identity\r\n"
            "x-a: \u00e9\r\ncontent-length: 3\r\n\r\nabc"
        ).encode()
    )
    assert (
        second
        == (f"GET / HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\naccept-encoding: identity\r\n\r\n").encode()
    )


async def test_a_connection_is_kept(client: UpstreamClient) -> None:
    async with raw_server(always(ok(b"yes"))) as server:
        for _ in range(5):
            assert await body_from(client, server) == b"yes"
        assert len(server.talks) == 1
        assert await asyncio.gather(*(body_from(client, server) for _ in range(3))) == [b"yes"] * 3
        assert len(server.talks) == 3


async def test_a_kept_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corral.app.upstream.client.KEEP_CONNECTION_S", 0.05)
    client = UpstreamClient()
    async with raw_server(always(ok(b"yes"))) as server:
        await body_from(client, server)
        await until(lambda: server.talks[0].reader.at_eof(), "the connection has ended")
        assert await body_from(client, server) == b"yes"
        assert len(server.talks) == 2
    await client.close()


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"yes", b"Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes",
        b"HTTP/1.1 200 OK\r\n\r\nyes",  # lasts until the connection ends
        b"HTTP/1.0 200 OK\r\n\r\nyes",
        ok(b"yes") + b"HTTP/1.1 200 OK\r\n\r\n",  # more than was asked for
        ok(b"yes") + b"rubbish",
    ],
)
async def test_connections_that_can_not_be_kept(client: UpstreamClient, answer: bytes) -> None:
    async with raw_server(answering(answer)) as server:
        for _ in range(3):
            assert await body_from(client, server) == b"yes"
        assert len(server.talks) == 3


async def test_a_kept_connection_that_ends_unseen_is_no_failure(client: UpstreamClient) -> None:
    """The server ends it when the next request comes: nobody has read that."""

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(ok(b"yes"))
        await talk.reader.read(1)

    async with raw_server(script) as server:
        for number in range(1, 4):
            assert await body_from(client, server) == b"yes"
            assert len(server.talks) == number


async def test_a_request_is_not_repeated_once_an_answer_has_begun(client: UpstreamClient) -> None:
    async with raw_server(answering(ok(b"yes"), b"HTTP/1.1 2")) as server:
        assert await body_from(client, server) == b"yes"
        with pytest.raises(UpstreamBroke):
            await body_from(client, server)
        assert len(server.talks) == 1


async def test_words_that_nobody_asked_for_end_a_kept_connection(client: UpstreamClient) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(ok(b"yes"))
        await asyncio.sleep(0)
        await talk.say(ok(b"no"))
        await talk.reader.read()

    async with raw_server(script) as server:
        assert await body_from(client, server) == b"yes"
        await until(lambda: server.talks[0].reader.at_eof(), "the connection has ended")
        assert await body_from(client, server) == b"yes"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: a\r\n\r\n", b"abcde"),
        (CHUNKED + b"0003 \r\nabc\r\n0\r\n\r\n", b"abc"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (b"HTTP/1.1 200 \r\ncontent-length:3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\ncontent-length: 3\n\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok(b"abc"), b"abc"),
        (ok(gzip.compress(b"abc" * 9, mtime=0), b"Content-Encoding: gzip"), b"abc" * 9),
        (ok(zlib.compress(b"abc" * 9), b"Content-Encoding: Deflate"), b"abc" * 9),
        (ok(b"abc", b"Content-Encoding: identity"), b"abc"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_answers(client: UpstreamClient, answer: bytes, body: bytes, at_once: bool) -> None:
    async def script(talk: Talk) -> None:
        while True:
            await talk.request()
            for piece in [answer] if at_once else [bytes([each]) for each in answer]:
                await talk.say(piece)
                await asyncio.sleep(0)

    async with raw_server(script) as server:
        for _ in range(2):
            assert await body_from(client, server) == body
        assert len(server.talks) == 1


async def test_headers(client: UpstreamClient) -> None:
    async with raw_server(always(ok(b"", b"X-One: a", b"x-TWO:  b ", b"X-Three: \xe9"))) as server:
        response = await client.open(server.url, "GET", "/")
        assert {name: value for name, value in response.headers.items() if name.startswith("x-")} == {
            "x-one": "a",
            "x-two": "b",
            "x-three": "\xe9",
        }


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",  # and no more
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
        ok(b"abc", b"Content-Encoding: br"),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
async def test_what_is_no_answer(client: UpstreamClient, answer: bytes) -> None:
    async with raw_server(answering(answer)) as server:
        with pytest.raises(UpstreamBroke, match="before it answered"):
            await body_from(client, server)
        assert len(server.talks) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabcde\r\n0\r\n\r\n",
        CHUNKED + b"rubbish\r\n",
        ok(b"abc", b"Content-Encoding: gzip"),
    ],
)
async def test_answers_that_break_off(client: UpstreamClient, answer: bytes) -> None:
    async with raw_server(answering(answer)) as server:
        with pytest.raises(UpstreamBroke, match="in the middle"):
            await body_from(client, server)


async def test_much_of_an_answer_that_breaks_off_is_read_before_the_error(client: UpstreamClient) -> None:
    async with raw_server(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_000_000)
    ) as server:
        response = await client.open(server.url, "GET", "/")
        read = 0
        with pytest.raises(UpstreamBroke, match="in the middle"):
            while True:
                read += len(await response.piece())
                await asyncio.sleep(0.01)
        assert read == 1_000_000


async def test_a_small_answer_that_becomes_huge_comes_in_pieces(client: UpstreamClient) -> None:
    async with raw_server(always(ok(gzip.compress(bytes(50_000_000)), b"Content-Encoding: gzip"))) as server:
        response = await client.open(server.url, "GET", "/")
        sizes = [len(piece) async for piece in response.chunks()]
        assert (sum(sizes), max(sizes) <= 2**20) == (50_000_000, True)
        assert "content-length" not in response.headers


async def test_a_server_has_to_wait_for_a_slow_reader(client: UpstreamClient) -> None:
    sent = 0

    async def script(talk: Talk) -> None:
        nonlocal sent
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(500):
            await talk.say(b"x" * 100_000)
            sent += 1
        await talk.request()
        await talk.say(ok(b"again"))

    async with raw_server(script) as server:
        response = await client.open(server.url, "GET", "/")
        await until(lambda: sent > 0, "something was sent")
        last = -1
        while sent != last:  # it stands still at last
            last = sent
            await asyncio.sleep(0.2)
        assert sent < 500
        assert len(await response.read(2**27)) == 50_000_000
        assert await body_from(client, server) == b"again"
        assert len(server.talks) == 1


async def test_silence_before_the_answer(client: UpstreamClient) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.reader.read()

    async with raw_server(script) as server:
        with pytest.raises(UpstreamTimeout, match=r"no answer within 0\.05 s"):
            await body_from(client, server, timeout_s=0.05)
        await until(lambda: server.talks[0].reader.at_eof(), "the connection has ended")


async def test_silence_in_the_middle(client: UpstreamClient) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(CHUNKED + b"3\r\nabc\r\n")
        await talk.reader.read()

    async with raw_server(script) as server:
        response = await client.open(server.url, "GET", "/", timeout_s=0.05)
        assert await response.piece() == b"abc"
        assert await response.piece_within(0.01) is None
        with pytest.raises(UpstreamTimeout, match="stopped coming"):
            await response.piece()
        await until(lambda: server.talks[0].reader.at_eof(), "the connection has ended")


async def test_many_pieces_none_of_which_is_late(client: UpstreamClient) -> None:
    """One timer watches all of them; it doesn't mistake the first wait for the last."""

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(CHUNKED)
        for _ in range(20):
            await asyncio.sleep(0.05)
            await talk.say(b"1\r\nx\r\n")
        await talk.say(b"0\r\n\r\n")

    async with raw_server(script) as server:
        assert await body_from(client, server, timeout_s=0.5) == b"x" * 20


async def test_a_reader_that_was_cancelled_may_go_on(client: UpstreamClient) -> None:
    go_on = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(CHUNKED)
        await go_on.wait()
        await talk.say(b"3\r\nabc\r\n0\r\n\r\n")

    async with raw_server(script) as server:
        response = await client.open(server.url, "GET", "/")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.piece(), 0.01)
        go_on.set()
        assert await response.read(100) == b"abc"


@pytest.mark.parametrize("answered", [True, False])
async def test_whoever_leaves_ends_the_connection(client: UpstreamClient, answered: bool) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        if answered:
            await talk.say(CHUNKED + b"3\r\nabc\r\n")
        await talk.reader.read()

    async with raw_server(script) as server:
        if answered:
            response = await client.open(server.url, "GET", "/")
            chunks = response.chunks()
            assert await anext(chunks) == b"abc"
            await chunks.aclose()
        else:
            task = asyncio.create_task(client.open(server.url, "GET", "/"))
            await until(lambda: bool(server.talks) and bool(server.talks[0].requests), "it was asked")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: server.talks[0].reader.at_eof(), "the connection has ended")


async def test_the_end_of_the_client_cuts_everything() -> None:
    client = UpstreamClient()

    async def script(talk: Talk) -> None:
        if b"/slow" in await talk.request():
            await talk.reader.read()
        await talk.say(ok(b"yes"))
        await talk.reader.read()

    async with raw_server(script) as server:
        asking = asyncio.create_task(client.open(server.url, "GET", "/slow"))
        await until(lambda: bool(server.talks) and bool(server.talks[0].requests), "it was asked")
        assert await body_from(client, server) == b"yes"  # its connection is kept
        await client.close()
        with pytest.raises(UpstreamBroke):
            await asking
        await until(lambda: all(talk.reader.at_eof() for talk in server.talks), "all connections have ended")
        with pytest.raises(UpstreamUnreachable, match="stopping"):
            await body_from(client, server)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0"])
async def test_a_header_never_becomes_two(client: UpstreamClient, value: str) -> None:
    async with raw_server(always(ok(b""))) as server:
        with pytest.raises(ValueError, match="line break"):
            await client.open(server.url, "GET", "/", headers={"x": value})
        assert not server.talks
