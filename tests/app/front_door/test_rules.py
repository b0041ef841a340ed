"""The pure rules: what is local, what is passed on, what may be repeated, where an event ends."""

import pytest

from corral.app.api.call import Call
from corral.app.api.route import Route
from corral.app.front_door.event_stream import CompleteEvents, ends_of_events
from corral.app.front_door.headers import end_to_end
from corral.app.front_door.locality import Locality
from corral.app.front_door.resending import may_repeat
from corral.app.gateway.endpoint import GatewayResponse


async def _handler(call: Call) -> GatewayResponse:
    raise AssertionError("nobody calls it")


def route(method: str, path: str, *, local: bool) -> Route:
    return Route(method=method, path=path, handler=_handler, summary="", node_local=local)


TABLE = Locality(
    [
        route("GET", "/health", local=True),
        route("GET", "/v0/node/models/<path:name>", local=True),
        route("POST", "/v0/node/stop", local=True),
        route("POST", "/v1/chat/completions", local=False),
        route("GET", "/v1/models/<path:id>", local=False),
        route("GET", "/dashboard/<path:file>", local=True),
        route("GET", "/log/level", local=True),
        route("POST", "/log/level", local=False),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "local"),
    [
        ("GET", "/health", True),
        ("HEAD", "/health", True),
        ("OPTIONS", "/health", True),
        ("DELETE", "/health", True),  # the 405 comes from here
        ("GET", "/v0/node/models/a/b", True),
        ("PATCH", "/v0/node/models/a/b", True),
        ("POST", "/v0/node/stop", True),
        ("GET", "/dashboard/assets/app.js", True),
        ("POST", "/v1/chat/completions", False),
        ("GET", "/v1/models/health", False),
        ("GET", "/log/level", True),
        ("POST", "/log/level", False),
        ("GET", "/nowhere", False),
        ("GET", "//health", True),  # as the application has it
        ("GET", "/health/", False),
    ],
)
def test_what_each_node_answers_itself(method: str, path: str, *, local: bool) -> None:
    assert TABLE.is_local(method, path) is local


def test_only_headers_for_the_other_end_are_passed_on() -> None:
    headers = [
        (b"Host", b"x"),
        (b"Connection", b"keep-alive, X-Mine"),
        (b"Keep-Alive", b"timeout=5"),
        (b"TE", b"trailers"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"Expect", b"100-continue"),
        (b"x-mine", b"for this hop"),
        (b"X-Request-Id", b"r-1"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"Authorization", b"Bearer k"),
    ]
    kept = ((b"host", b"x"), (b"x-request-id", b"r-1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    assert end_to_end(headers, without=(b"authorization",)) == kept
    assert end_to_end(headers) == (*kept, (b"authorization", b"Bearer k"))


@pytest.mark.parametrize(
    ("method", "path", "harmless"),
    [
        ("GET", "/v0/users", True),
        ("HEAD", "/v0/users", True),
        ("PUT", "/v0/users/1", True),
        ("DELETE", "/v0/users/1", True),
        ("POST", "/v0/users", False),
        ("PATCH", "/v0/users", False),
        ("POST", "/v1/chat/completions", True),
        ("POST", "/rerank", True),
        ("POST", "/v10/chat", False),
    ],
)
def test_what_may_be_sent_again(method: str, path: str, *, harmless: bool) -> None:
    assert may_repeat(method, path) is harmless


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        (b"text/event-stream; charset=utf-8", (b"\n\n", b"\r\n\r\n")),
        (b"Text/Event-Stream", (b"\n\n", b"\r\n\r\n")),
        (b"application/x-ndjson", (b"\n",)),
        (b"application/json", None),
    ],
)
def test_streams_of_events(value: bytes, ends: tuple[bytes, ...] | None) -> None:
    assert ends_of_events(((b"content-type", value),)) == ends


def test_an_answer_without_a_type_is_no_stream() -> None:
    assert ends_of_events(()) is None


@pytest.mark.parametrize(
    ("pieces", "passed_on", "rest"),
    [
        ([b"data: 1\n\n"], [b"data: 1\n\n"], b""),
        ([b"data: 1", b"\n\ndata: 2\n", b"\n"], [b"", b"data: 1\n\n", b"data: 2\n\n"], b""),
        ([b"data: 1\n\ndata: {"], [b"data: 1\n\n"], b"data: {"),
        ([b"data: 1\r\n\r\ndata: 2"], [b"data: 1\r\n\r\n"], b"data: 2"),
        ([b": keep-alive\n\n", b"da"], [b": keep-alive\n\n", b""], b"da"),
        ([b"x" * 2_000_000], [b"x" * 2_000_000], b""),
    ],
)
def test_events_are_passed_on_whole(pieces: list[bytes], passed_on: list[bytes], rest: bytes) -> None:
    events = CompleteEvents((b"\n\n", b"\r\n\r\n"))
    assert [events.feed([piece]) for piece in pieces] == passed_on
    assert events.rest() == rest


def test_lines_are_passed_on_whole() -> None:
    lines = CompleteEvents((b"\n",))
    assert [lines.feed([piece]) for piece in (b'{"a":1}\n{"b"', b":2}\n", b"{")] == [
        b'{"a":1}\n',
        b'{"b":2}\n',
        b"",
    ]
    assert lines.rest() == b"{"
