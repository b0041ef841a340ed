"""The wire between a router and the peer that answers: one call there, a stream of frames back.

POST /peer/infer carries an `InferCall` as msgpack. The answer is a stream of frames: a 4-byte big-endian length and that
many bytes of msgpack, each a map whose `events` happened since the last one. A frame without events only says that the
peer is alive. The last event is Done or Failed.

Everything is a map with named fields, unlike on the pipe to a worker: peers are updated one at a time. Unknown fields
and unknown kinds of events are ignored, missing fields have their defaults. `tests/app/serving/golden` has each version.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec

from corral.engines.errors import InvalidRequest
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Failed,
    Finished,
    FinishReason,
    RerankResult,
    Started,
    TextDelta,
    TokenCount,
    ToolCallDelta,
)
from corral.engines.frames import FrameError, FrameSplitter
from corral.engines.requests import Request

VERSION = 1
PATH = "/peer/infer"
CLAIM_HEADER = "x-corral-claim"  # TERM.ROUTER, the router's right to ask
MAX_CALL_BYTES = 48 * 1024 * 1024  # bodies of /v1 have 32 MiB at most
MAX_FRAME_BYTES = 64 * 1024 * 1024  # the vectors of one large embedding request

_LENGTH = struct.Struct(">I")
_Undecodable = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class InferCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request for one model, checked by the router."""

    model: str  # as the client wrote it
    request: Request
    version: int = VERSION


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of an answer other than 200: an engine error before there is a stream."""

    code: str
    message: str
    param: str | None = None


class _Logprob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    token: str
    logprob: float
    data: bytes = b""
    top: tuple["_Logprob", ...] = ()


class _Started(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    prompt_tokens: int = 0
    cached_tokens: int = 0


class _Text(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="text"):
    index: int = 0
    text: str = ""
    reasoning: bool = False
    logprobs: tuple[_Logprob, ...] = ()


class _ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="tool_call"):
    index: int = 0
    call: int = 0
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class _Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    index: int = 0
    reason: FinishReason = "stop"
    stop: str | None = None


class _Embedding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="embedding"):
    vectors: tuple[bytes, ...] = ()


class _Rerank(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="rerank"):
    scores: tuple[float, ...] = ()


class _TokenCount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="token_count"):
    tokens: int = 0


class _Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="done"):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class _Failed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    code: str = "engine_error"
    message: str = ""
    param: str | None = None


_WireEvent = _Started | _Text | _ToolCall | _Finished | _Embedding | _Rerank | _TokenCount | _Done | _Failed
_WIRE: dict[type[Event], type[_WireEvent]] = {
    Started: _Started,
    TextDelta: _Text,
    ToolCallDelta: _ToolCall,
    Finished: _Finished,
    EmbeddingResult: _Embedding,
    RerankResult: _Rerank,
    TokenCount: _TokenCount,
    Done: _Done,
    Failed: _Failed,
}
_EVENT: dict[type[_WireEvent], type[Event]] = {wire: event for event, wire in _WIRE.items()}


class _Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    events: list[_WireEvent] = []


class _UnreadFrame(msgspec.Struct, frozen=True, kw_only=True):
    events: list[msgspec.Raw] = []


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    type: str


_ENCODER = msgspec.msgpack.Encoder()
_CALLS = msgspec.msgpack.Decoder(InferCall)
_REFUSALS = msgspec.msgpack.Decoder(Refusal)
_FRAMES = msgspec.msgpack.Decoder(_Frame)
_UNREAD_FRAMES = msgspec.msgpack.Decoder(_UnreadFrame)
_KINDS = msgspec.msgpack.Decoder(_Kind)
_EVENTS: msgspec.msgpack.Decoder[_WireEvent] = msgspec.msgpack.Decoder(_WireEvent)
_KNOWN_KINDS = frozenset(str(wire.__struct_config__.tag) for wire in _EVENT)


def encode_call(call: InferCall) -> bytes:
    """Raises InvalidRequest if it can't be sent."""
    try:
        data = _ENCODER.encode(call)
    except (RecursionError, UnicodeEncodeError, OverflowError) as error:
        raise InvalidRequest(
            "this request can't be answered: it is nested too deeply, has a number of more than 64 bits"
            " or isn't valid Unicode"
        ) from error
    if len(data) > MAX_CALL_BYTES:
        raise InvalidRequest(f"this request is larger than {MAX_CALL_BYTES} bytes; send less at once")
    return data


def decode_call(data: bytes) -> InferCall:
    """Raises InvalidRequest."""
    try:
        return _CALLS.decode(data)
    except _Undecodable as error:
        raise InvalidRequest(
            f"this machine can't read the request ({error}); update Corral on all machines to the same version"
        ) from error


def encode_refusal(refusal: Refusal) -> bytes:
    """Msgpack."""
    return _ENCODER.encode(refusal)


def decode_refusal(data: bytes) -> Refusal | None:
    """None: something else was answered."""
    try:
        return _REFUSALS.decode(data)
    except _Undecodable:
        return None


def encode_frame(events: Sequence[Event]) -> bytearray:
    """One frame, its length in front."""
    frame = bytearray(_LENGTH.size)
    _ENCODER.encode_into(_Frame(events=[_to_wire(event) for event in events]), frame, _LENGTH.size)
    _LENGTH.pack_into(frame, 0, len(frame) - _LENGTH.size)
    return frame


class FrameReader:
    """Bytes of an answer → its events."""

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._splitter = FrameSplitter(max_bytes)

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. Raises FrameError."""
        for payload in self._splitter.feed(data):
            yield from _decode_frame(payload)


def _decode_frame(payload: bytes) -> Iterator[Event]:
    try:
        frame = _FRAMES.decode(payload)
    except msgspec.ValidationError:
        yield from _known_events(payload)
    except _Undecodable as error:
        raise FrameError(f"the peer sent something that is not an answer: {error}") from error
    else:
        yield from map(_from_wire, frame.events)


def _known_events(payload: bytes) -> Iterator[Event]:
    """Of a frame that has events of a newer version, those that this one knows."""
    try:
        for raw in _UNREAD_FRAMES.decode(payload).events:
            if _KINDS.decode(raw).type in _KNOWN_KINDS:
                yield _from_wire(_EVENTS.decode(raw))
    except _Undecodable as error:
        raise FrameError(f"the peer sent something that is not an answer: {error}") from error


def _to_wire(event: Event) -> _WireEvent:
    if type(event) is TextDelta and not event.logprobs:  # nearly all of them
        return _Text(index=event.index, text=event.text, reasoning=event.reasoning)
    return msgspec.convert(event, _WIRE[type(event)], from_attributes=True)


def _from_wire(event: _WireEvent) -> Event:
    if type(event) is _Text and not event.logprobs:
        return TextDelta(index=event.index, text=event.text, reasoning=event.reasoning)
    return msgspec.convert(event, _EVENT[type(event)], from_attributes=True)
