"""Messages between members as a program of another protocol version would write them: with fields, kinds of events and
frames that this version doesn't know, and with its own version number. Pure: bytes to bytes."""

import json
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from corral.app.front_door import wire as relay
from corral.app.history import copy_wire as history
from corral.app.serving import infer_wire as infer
from corral.engines.frames import FrameSplitter
from corral.peers.cluster.link_messages import VERSION

FIELD = "of_another_version"
_NEWS: Any = [{"a": [1.5, None, "b"]}, True]
_TABLES = ("known", "tables")  # maps, whose keys are no names of fields
_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">BI")
_UNKNOWN_FRAME = 77


def with_more(value: Any) -> Any:
    """Every object in it gets a field."""
    if isinstance(value, dict):
        known = {name: each if name in _TABLES else with_more(each) for name, each in value.items()}
        return {**known, FIELD: _NEWS}
    return [with_more(each) for each in value] if isinstance(value, list) else value


def of_json(version: int, body: bytes) -> bytes:
    """A JSON object."""
    document = with_more(json.loads(body))
    return json.dumps({**document, "version": version}).encode()


def of_msgpack(version: int, body: bytes, *, version_name: str = "version") -> bytes:
    """An object in msgpack."""
    return msgspec.msgpack.encode({**with_more(msgspec.msgpack.decode(body)), version_name: version})


def election(version: int, body: bytes) -> bytes:
    """Claims are arrays: later versions append to them."""
    message = json.loads(of_json(version, body))
    for name in ("follows", "refused", "claim"):
        if message.get(name):
            message[name].append(_NEWS)
    for sighting in message.get("claims", ()):
        sighting[0][0].append(_NEWS)
        sighting[0].append(_NEWS)
        sighting.append(_NEWS)
    return json.dumps(message).encode()


def replica(version: int, body: bytes) -> bytes:
    """Cells are arrays too."""
    message = json.loads(of_json(version, body))
    for page in (message, message.get("page", {})):
        for cell in page.get("cells", ()):
            cell.append(_NEWS)
    return json.dumps(message).encode()


def link(version: int, body: bytes) -> Iterable[bytes]:
    """What is sent on a link in place of this message: also kinds and topics that nobody knows."""
    message = with_more(msgspec.msgpack.decode(body))
    if message["k"] == "h":
        message["version"] = version
        yield msgspec.msgpack.encode(message)
        yield msgspec.msgpack.encode({"k": FIELD, "body": b"?"})
        yield msgspec.msgpack.encode({"k": "t", "topic": FIELD, "body": b"?"})
        return
    if message["k"] == "t" and message.get("body"):
        message["body"] = of_msgpack(version, message["body"])
    for name, altered in (
        ("e", election),
        ("r", replica),
        ("l", lambda number, live: of_msgpack(number, live, version_name="v")),
    ):
        if message.get(name):
            message[name] = altered(version, message[name])
    yield msgspec.msgpack.encode(message)


def heard(version: int, body: bytes) -> bytes:
    """What a program of this version would make of a message: it is as far away for it as it is for others."""
    message = msgspec.msgpack.decode(body)
    if message["k"] != "h":
        return body
    return msgspec.msgpack.encode({**message, "version": VERSION + abs(message["version"] - version)})


def call(version: int, body: bytes) -> bytes:
    """Of `/peer/infer`. What the client said in it stays as it is."""
    message = msgspec.msgpack.decode(body)
    request = {**message["request"], FIELD: _NEWS}
    return msgspec.msgpack.encode({**message, "request": request, "version": version, FIELD: _NEWS})


def relayed(body: bytes) -> bytes:
    """Of `/peer/relay`, from its first byte: the head."""
    (length,) = _LENGTH.unpack_from(body)
    head = msgspec.msgpack.encode({**msgspec.msgpack.decode(body[4 : 4 + length]), FIELD: _NEWS})
    return _LENGTH.pack(len(head)) + head + body[4 + length :]


async def infer_frames(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """An answer of `/peer/infer`, with an event in each frame that nobody knows."""
    splitter = FrameSplitter()
    try:
        async for chunk in body:
            for payload in splitter.feed(chunk):
                frame = with_more(msgspec.msgpack.decode(payload))
                frame["events"] = [{"type": FIELD, "text": "?"}, *frame.get("events", ())]
                packed = msgspec.msgpack.encode(frame)
                yield _LENGTH.pack(len(packed)) + packed
    finally:
        await _close(body)


async def relay_frames(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """An answer of `/peer/relay`, with frames of a kind that nobody knows."""
    reader = relay.FrameReader()
    try:
        async for chunk in body:
            for kind, payload in reader.feed(chunk):
                more = payload if kind != relay.Kind.HEAD else _more_head(payload)
                yield _FRAME.pack(_UNKNOWN_FRAME, 1) + b"?" + _FRAME.pack(kind, len(more)) + more
    finally:
        await _close(body)


def _more_head(payload: bytes) -> bytes:
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(payload), FIELD: _NEWS})


async def _close(body: AsyncIterator[bytes]) -> None:
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()


REQUESTS: dict[str, Callable[[int, bytes], bytes]] = {
    "/peer/replica": replica,
    "/peer/copy": of_json,
    "/peer/copy/cancel": of_json,
    infer.PATH: call,
    relay.PATH: lambda version, body: relayed(body),
    history.PAGE_PATH: of_msgpack,
    history.BODIES_PATH: of_msgpack,
}
ANSWERS: dict[str, Callable[[int, bytes], bytes]] = {
    "/peer/replica": replica,
    "/peer/copy": of_json,
    "/peer/copy/cancel": of_json,
    "/peer/welcome": of_json,
    history.PAGE_PATH: of_msgpack,
    history.BODIES_PATH: of_msgpack,
}
STREAMS: dict[str, Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]] = {
    infer.PATH: infer_frames,
    relay.PATH: relay_frames,
}
