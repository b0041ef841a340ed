"""A relayed request and its answer as bytes between two members; docs: this file and the golden files of its test.

The request is the body of a POST to PATH: the length of its head (4 bytes, big endian), the head in msgpack, then the client's
body as it is. The answer is the body of a 200: frames of a kind (1 byte), a length (4 bytes) and so many bytes. The
client's headers and what the member says of its client never share a place. Any other status than 200 is the relay's own.
"""

import struct
from collections.abc import AsyncIterator
from enum import IntEnum
from typing import Final

import msgspec

PATH: Final = "/peer/relay"
HEADERS: Final = {"content-type": "application/octet-stream"}
NOT_ROUTER: Final = 421  # the node asked is not the router (any more); nothing was done
MALFORMED: Final = 400
LOOP: Final = 508  # the request was passed on before
ALIVE_S: Final = 1.0  # a router that has nothing to say yet says so this often
HEAD_BYTES: Final = 256 * 1024
_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">BI")

Headers = tuple[tuple[bytes, bytes], ...]  # names in lower case; repeated ones stay apart


class BadRelay(Exception):
    """The other side sent something else than what this file says."""


class RequestHead(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request, and what the member that it asked says of it. Unknown fields are ignored."""

    claim: str = ""  # of the router, as the sender knows it
    hops: int = 1
    method: str
    path: str  # unquoted
    raw_path: bytes = b""
    query: bytes = b""
    headers: Headers = ()
    http_version: str = "1.1"
    scheme: str = "http"
    address: str = ""  # of the client
    port: int = 0
    vouched: str = ""  # a `relayed.Vouched`
    host_ok: bool = False


class AnswerHead(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of an answer."""

    status: int
    headers: Headers = ()


class Kind(IntEnum):
    """Of a frame. Kinds that this version doesn't know are skipped."""

    HEAD = 1
    BODY = 2
    END = 3  # without it the answer is not complete
    ALIVE = 4


_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(RequestHead)
_answer_decoder = msgspec.msgpack.Decoder(AnswerHead)


def encode_request_head(head: RequestHead) -> bytes:
    """With its length in front."""
    body = _encoder.encode(head)
    return _LENGTH.pack(len(body)) + body


async def read_request(chunks: AsyncIterator[bytes]) -> tuple[RequestHead, bytes]:
    """The head, and what of the body came with it; the rest is still in `chunks`. Raises BadRelay."""
    got = b""
    needed = _LENGTH.size
    async for chunk in chunks:
        got += chunk
        if needed == _LENGTH.size and len(got) >= needed:
            needed += _LENGTH.unpack_from(got)[0]
            if needed > HEAD_BYTES:
                raise BadRelay("the head of a relayed request is too long")
        if len(got) >= needed > _LENGTH.size:
            return _decoded_request(got[_LENGTH.size : needed]), got[needed:]
    raise BadRelay("a relayed request ended within its head")


def _decoded_request(body: bytes) -> RequestHead:
    try:
        return _request_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BadRelay(f"the head of a relayed request can't be read: {error}") from error


def frame(kind: Kind, payload: bytes = b"") -> bytes:
    """One frame of an answer."""
    return _FRAME.pack(kind, len(payload)) + payload


def head_frame(head: AnswerHead) -> bytes:
    """The first frame but for those that say the router is alive."""
    return frame(Kind.HEAD, _encoder.encode(head))


def decode_answer_head(payload: bytes) -> AnswerHead:
    """Raises BadRelay."""
    try:
        return _answer_decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise BadRelay(f"the head of a relayed answer can't be read: {error}") from error


class FrameReader:
    """Takes an answer apart, however its bytes were cut. Of a body frame each part is given as soon as it is there."""

    def __init__(self) -> None:
        self._rest = b""
        self._body_left = 0

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """The kind and the bytes of each frame, or part of a body, that the chunk completes. Raises BadRelay."""
        data = self._rest + chunk if self._rest else chunk
        frames: list[tuple[int, bytes]] = []
        at = 0
        while at < len(data):
            if self._body_left:
                part = data[at : at + self._body_left]
                self._body_left -= len(part)
                at += len(part)
                frames.append((Kind.BODY, part))
                continue
            if len(data) - at < _FRAME.size:
                break
            kind, length = _FRAME.unpack_from(data, at)
            if kind == Kind.BODY:
                self._body_left = length
                at += _FRAME.size
                continue
            if length > HEAD_BYTES:
                raise BadRelay("a frame of a relayed answer is too long")
            end = at + _FRAME.size + length
            if end > len(data):
                break
            frames.append((kind, data[at + _FRAME.size : end]))
            at = end
        self._rest = data[at:]
        return frames
