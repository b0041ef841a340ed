"""The bytes between two members: they stay as they are, however they are cut, and nothing wrong is believed."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec
import pytest

from corral.app.front_door import wire
from corral.app.front_door.wire import AnswerHead, BadRelay, FrameReader, Kind, RequestHead

GOLDEN = Path(__file__).parent / "golden" / "v1"
REQUEST = RequestHead(
    claim="7:ABC:1",
    method="POST",
    path="/v1/models/a b",
    raw_path=b"/v1/models/a%20b",
    query=b"x=%C3%A4",
    headers=((b"host", b"localhost:32768"), (b"cookie", b"a=1"), (b"cookie", b"b=\xe4")),
    address="192.168.1.7",
    port=50000,
    vouched="loopback",
    host_ok=True,
)
ANSWER = (
    wire.frame(Kind.ALIVE)
    + wire.head_frame(AnswerHead(status=200, headers=((b"content-type", b"text/plain"),)))
    + wire.frame(Kind.BODY, b"hello ")
    + wire.frame(Kind.BODY, b"world")
    + wire.frame(Kind.END)
)


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize(
    ("name", "data"), [("request", wire.encode_request_head(REQUEST)), ("answer", ANSWER)]
)
def test_the_bytes_stay_the_same(name: str, data: bytes) -> None:
    assert data.hex(" ", 16) == (GOLDEN / f"{name}.hex").read_text().strip()


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
async def test_a_request_however_it_is_cut(size: int) -> None:
    chunks = pieces(wire.encode_request_head(REQUEST) + b"the body", size)
    head, first = await wire.read_request(chunks)
    assert head == REQUEST
    assert first + b"".join([chunk async for chunk in chunks]) == b"the body"


async def test_fields_of_a_newer_version_are_ignored() -> None:
    body = msgspec.msgpack.encode({"method": "GET", "path": "/", "mood": "good"})
    head, _ = await wire.read_request(pieces(len(body).to_bytes(4, "big") + body, 100))
    assert head == RequestHead(method="GET", path="/")


@pytest.mark.parametrize(
    "data", [b"", b"\0\0", b"\0\0\0\5{", b"\0\0\0\1\xff", b"\xff\xff\xff\xff" + b"x" * 10, b"\0\0\0\0rest"]
)
async def test_a_malformed_request(data: bytes) -> None:
    with pytest.raises(BadRelay):
        await wire.read_request(pieces(data, 100))


def _told(frames: Iterable[tuple[int, bytes]]) -> tuple[list[int], bytes]:
    kept = list(frames)
    return [kind for kind, _ in kept if kind != Kind.BODY], b"".join(p for k, p in kept if k == Kind.BODY)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 1000])
def test_an_answer_however_it_is_cut(size: int) -> None:
    reader = FrameReader()
    frames = [frame for at in range(0, len(ANSWER), size) for frame in reader.feed(ANSWER[at : at + size])]
    kinds, body = _told(frames)
    assert kinds == [Kind.ALIVE, Kind.HEAD, Kind.END]
    assert body == b"hello world"
    (head,) = [wire.decode_answer_head(payload) for kind, payload in frames if kind == Kind.HEAD]
    assert head.status == 200


def test_a_part_of_a_body_does_not_wait_for_the_rest() -> None:
    assert FrameReader().feed(wire.frame(Kind.BODY, b"x" * 100)[:50]) == [(Kind.BODY, b"x" * 45)]


def test_a_frame_without_end_is_not_kept() -> None:
    with pytest.raises(BadRelay):
        FrameReader().feed(bytes([Kind.HEAD]) + b"\xff\xff\xff\xff")


def test_a_head_that_is_none() -> None:
    with pytest.raises(BadRelay):
        wire.decode_answer_head(b"\x93")
