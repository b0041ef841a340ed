"""Which bytes count as a plain request, and what is read from them."""

import pytest

from corral.app.http1.plain_request import PlainHead, plain_head

HOST = b"Host: here\r\n"


def head(line: bytes = b"POST /v1/chat/completions HTTP/1.1", fields: bytes = HOST) -> bytes:
    return line + b"\r\n" + fields + b"\r\n"


def test_what_the_openai_client_sends() -> None:
    data = head(
        fields=b"Host: 127.0.0.1:32768\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
        b"Accept: application/json\r\nContent-Type: application/json\r\nAuthorization: Bearer sk_1\r\n"
        b"X-Stainless-Read-Timeout: 600\r\nContent-Length: 2\r\n"
    )
    assert plain_head(data + b"{}") == PlainHead(
        path="/v1/chat/completions",
        headers={
            "host": "127.0.0.1:32768",
            "accept-encoding": "gzip, deflate",
            "connection": "keep-alive",
            "accept": "application/json",
            "content-type": "application/json",
            "authorization": "Bearer sk_1",
            "x-stainless-read-timeout": "600",
            "content-length": "2",
        },
        size_bytes=len(data),
        body_bytes=2,
    )


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        (b"X-A:b", "x-a", "b"),
        (b"X-A: \t b c\t ", "x-a", "b c"),
        (b"X-A:", "x-a", ""),
        (b"X-A: a:b: c", "x-a", "a:b: c"),
        (b"X-A: \xe9\xff", "x-a", "\xe9\xff"),
        (b"X!#$%&'*+-.^_`|~9: ok", "x!#$%&'*+-.^_`|~9", "ok"),
        (b"Connection: Keep-Alive", "connection", "Keep-Alive"),
        (b"Content-Length: 0", "content-length", "0"),
    ],
)
def test_fields(field: bytes, name: str, value: str) -> None:
    found = plain_head(bytearray(head(fields=HOST + field + b"\r\n")))
    assert found is not None
    assert found.headers[name] == value
    assert found.body_bytes == 0


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/models HTTP/1.1",
        b"OPTIONS /v1/chat/completions HTTP/1.1",
        b"post /v1/chat/completions HTTP/1.1",
        b" POST /v1/chat/completions HTTP/1.1",
        b"POST  /v1/chat/completions HTTP/1.1",
        b"POST /v1/chat/completions  HTTP/1.1",
        b"POST /v1/chat/completions HTTP/1.1 ",
        b"POST /v1/chat/completions HTTP/1.0",
        b"POST /v1/chat/completions HTTP/2.0",
        b"POST /v1/chat/completions http/1.1",
        b"POST /v1/chat/completions",
        b"POST v1 HTTP/1.1",
        b"POST * HTTP/1.1",
        b"POST http://here/v1/chat/completions HTTP/1.1",
        b"POST /v1/chat/completions? HTTP/1.1",
        b"POST /v1/chat/completions?a=b HTTP/1.1",
        b"POST /v1/chat/completions#a HTTP/1.1",
        b"POST /v1/chat%2fcompletions HTTP/1.1",
        b"POST /v1/\xe9 HTTP/1.1",
        b"POST /v1/\x00 HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0",
    ],
)
def test_lines_that_are_not_plain(line: bytes) -> None:
    assert plain_head(head(line)) is None


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"X-A: b\r\n",  # no host
        HOST + HOST,
        HOST + b"HOST: there\r\n",
        HOST + b"X-A: b\r\nx-a: c\r\n",
        HOST + b"Content-Length: 1\r\ncontent-length: 1\r\n",
        HOST + b"Content-Length: 1, 1\r\n",
        HOST + b"Content-Length: +1\r\n",
        HOST + b"Content-Length: -1\r\n",
        HOST + b"Content-Length: 1_0\r\n",
        HOST + b"Content-Length: 0x1\r\n",
        HOST + b"Content-Length: \xb2\r\n",
        HOST + b"Content-Length:\r\n",
        HOST + b"Content-Length: 1000000000000000\r\n",
        HOST + b"Transfer-Encoding: chunked\r\n",
        HOST + b"Transfer-Encoding: identity\r\nContent-Length: 1\r\n",
        HOST + b"Transfer-Encoding : chunked\r\n",
        HOST + b"Expect: 100-continue\r\n",
        HOST + b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        HOST + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        HOST + b"TE: trailers\r\n",
        HOST + b"Trailer: x\r\n",
        HOST + b"Connection: close\r\n",
        HOST + b"Connection: keep-alive, close\r\n",
        HOST + b"Connection: X-A\r\n",
        HOST + b"X-A: b\r\n c\r\n",  # obsolete folding
        HOST + b" X-A: b\r\n",
        HOST + b"X-A : b\r\n",
        HOST + b": b\r\n",
        HOST + b"X-A\r\n",
        HOST + b"X-\xe9: b\r\n",
        HOST + b"X-A: b\x00c\r\n",
        HOST + b"X-A: b\x0bc\r\n",
        HOST + b"X-A: b\x7f\r\n",
        HOST + b"X-A: b\rc\r\n",
        HOST + b"X-A: b\nX-B: c\r\n",
        b"Host: here\n",
    ],
)
def test_fields_that_are_not_plain(fields: bytes) -> None:
    assert plain_head(head(fields=fields)) is None


def test_a_head_that_has_not_all_come() -> None:
    data = head(fields=HOST + b"Content-Length: 0\r\n")
    assert plain_head(data) is not None
    assert all(plain_head(data[:size]) is None for size in range(len(data)))


def test_line_ends_of_other_kinds_are_not_plain() -> None:
    assert plain_head(head().replace(b"\r\n", b"\n")) is None
    assert plain_head(head().replace(b"\r\n", b"\r")) is None
    assert plain_head(head()[:-2] + b"\n") is None


def test_a_long_head_takes_no_longer_than_it_is_long() -> None:
    """Would take years with a pattern that goes back and tries again."""
    assert plain_head(head(fields=HOST + b"a:" * 30_000 + b"\x00\r\n")) is None
    assert plain_head(head(fields=HOST + b"a" * 60_000 + b"\r\n")) is None
