"""The wire of requests and their answers, as every version must read it."""

from typing import Any

import msgspec
import pytest

from corral.app.serving import infer_wire as wire
from corral.engines.errors import InvalidRequest
from corral.engines.events import Done, Finished, Started, TextDelta, TokenCount
from corral.engines.frames import FrameError
from corral.engines.requests import CompletionRequest, ContinuedChat, Message, TokenCountRequest
from tests.app.serving.golden_values import CALLS, EVENTS, golden


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str) -> None:
    assert wire.decode_call(golden(name)) == CALLS[name]
    assert wire.encode_call(CALLS[name]) == golden(name)


def test_frames() -> None:
    assert tuple(wire.FrameReader().feed(golden("frames"))) == EVENTS
    frames = b"".join(map(wire.encode_frame, (EVENTS[:4], (), EVENTS[4:])))
    assert frames == golden("frames")


def test_what_came_after_the_golden_files() -> None:
    events = (Finished(index=0, reason="stop", stop="###"), TokenCount(tokens=7))
    assert tuple(wire.FrameReader().feed(bytes(wire.encode_frame(events)))) == events
    count = TokenCountRequest(prompt=CompletionRequest(prompt="a"))
    call = wire.InferCall(model="m", request=count)
    assert wire.decode_call(wire.encode_call(call)) == call
    begun = ContinuedChat(messages=(Message(role="user", content="a"),), answer_so_far="b ")
    call = wire.InferCall(model="m", request=begun)
    assert wire.decode_call(wire.encode_call(call)) == call


def test_frames_in_pieces() -> None:
    reader, data = wire.FrameReader(), golden("frames")
    assert tuple(event for byte in data for event in reader.feed(bytes([byte]))) == EVENTS


def framed(content: Any) -> bytes:
    payload = msgspec.msgpack.encode(content)
    return len(payload).to_bytes(4, "big") + payload


def test_what_a_newer_version_adds_is_ignored() -> None:
    data = framed(
        {
            "events": [
                {"type": "started", "prompt_tokens": 1, "mood": "good"},
                {"type": "picture", "pixels": b"\0"},
                {"type": "text", "index": 0, "text": "a"},
                {"type": "done", "prompt_tokens": 1},
            ],
            "weather": "fine",
        }
    )
    assert list(wire.FrameReader().feed(data)) == [
        Started(prompt_tokens=1, cached_tokens=0),
        TextDelta(index=0, text="a"),
        Done(prompt_tokens=1),
    ]
    call = msgspec.msgpack.decode(golden("call_rerank"))
    call |= {"deadline": 5, "request": call["request"] | {"mood": "good"}}
    assert wire.decode_call(msgspec.msgpack.encode(call)) == CALLS["call_rerank"]


@pytest.mark.parametrize(
    "data",
    [
        framed({"events": [{"type": "text", "index": "x"}]}),
        framed({"events": [5]}),
        framed({"events": "x"}),
        framed([]),
        b"\0\0\0\1\xc1",
        b"\0\0\0\3\xa2\xff\xff",
        b"\xff\xff\xff\xff",
    ],
)
def test_garbage_instead_of_frames(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(wire.FrameReader().feed(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", msgspec.msgpack.encode({"model": "m", "request": {"type": "dance"}}), b"\x91" * 5000],
)
def test_garbage_instead_of_a_call(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="update Corral"):
        wire.decode_call(data)


def test_refusals() -> None:
    refusal = wire.Refusal(code="stale_router", message="no", param=None)
    assert wire.decode_refusal(wire.encode_refusal(refusal)) == refusal
    assert wire.decode_refusal(b"<html>") is None
