"""The arithmetic of the cost of recording, and the client that asks for it."""

import pytest

from bench.connection import Address
from bench.http import Kind
from bench.recording import Window, at, is_whole, request_of, row

HEAD = b"HTTP/1.1 200 OK\r\nX: 1\r\n"


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"", False),
        (HEAD, False),
        (HEAD + b"Content-Length: 3\r\n\r\nab", False),
        (HEAD + b"Content-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nY: 2\r\n\r\n", True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", True),
    ],
)
def test_where_an_answer_ends(answer: bytes, whole: bool) -> None:
    assert is_whole(answer) == whole


def test_a_request() -> None:
    kind = Kind(name="k", method="POST", path="/p", body=b"{}")
    head, _, body = request_of(kind, Address(port=1, key="sk_x")).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /p HTTP/1.1\r\nHost: 127.0.0.1:1\r\n") and body == b"{}"
    assert b"Bearer sk_x" in head and head.endswith(b"Content-Length: 2")


def test_windows_that_were_disturbed_count_less() -> None:
    """A third of the windows with history were twice as slow by chance."""
    off = [Window(1000, 300)] * 90
    full = [Window(920, 330)] * 60 + [Window(460, 660)] * 30
    assert row("chat", off, full) == ("| chat | 1,000 | 920 | 8.0 % | 8.0 % | 8.0 % | 8.0 % | 300 | 330 |")


@pytest.mark.parametrize(("part", "value"), [(0.5, 50), (0.9, 90), (0.1, 10)])
def test_parts(part: float, value: float) -> None:
    assert at(part, [float(each) for each in range(101)]) == value
    assert at(part, [7.0]) == 7.0
