"""What parent and worker say to each other: length-prefixed msgpack frames over one socket pair.

A frame is a 4-byte big-endian length and that many bytes of msgpack. One `Batch` frame carries the events of all
requests of one decode step, so the pipe's cost doesn't grow with the number of sequences.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from corral.engines.engine import RequestId
from corral.engines.errors import EngineError
from corral.engines.events import Event
from corral.engines.model import LiveNumbers, LoadedInfo, LoadOptions, ModelFile
from corral.engines.requests import Request

MAX_FRAME_BYTES = 256 * 1024 * 1024
_HEADER = struct.Struct(">I")


class FrameError(EngineError):
    """The other side sent something that isn't a frame; the connection can't be used any more."""

    code: ClassVar[str] = "broken_frame"


class Load(msgspec.Struct, frozen=True, array_like=True, tag="load"):
    """First frame to a worker: load this file. `engine` is "module:Class"."""

    engine: str
    file: ModelFile
    options: LoadOptions


class Submit(msgspec.Struct, frozen=True, array_like=True, tag="submit"):
    """Start on a request."""

    id: RequestId
    request: Request


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """Drop a request; unknown ids are ignored."""

    id: RequestId


class Stop(msgspec.Struct, frozen=True, array_like=True, tag="stop"):
    """Give everything back and exit."""


class Progress(msgspec.Struct, frozen=True, array_like=True, tag="progress"):
    """How far loading is, 0..1."""

    fraction: float


class Ready(msgspec.Struct, frozen=True, array_like=True, tag="ready"):
    """The model is loaded. `memory_bytes` is the process's resident memory."""

    info: LoadedInfo
    memory_bytes: int


class LoadFailed(msgspec.Struct, frozen=True, array_like=True, tag="load_failed"):
    """The model can't be loaded; the worker exits after this."""

    code: str
    message: str


class Batch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    """All events of one step, in order."""

    events: list[tuple[RequestId, Event]]


class Numbers(msgspec.Struct, frozen=True, array_like=True, tag="numbers"):
    """The model's load; about once a second while busy, and once when it becomes idle."""

    live: LiveNumbers
    memory_bytes: int


ToWorker = Load | Submit | Cancel | Stop
FromWorker = Progress | Ready | LoadFailed | Batch | Numbers


def _encode_path(value: object) -> bytes:
    """Paths travel as bytes: a file name needn't be valid UTF-8."""
    if isinstance(value, Path):
        return os.fsencode(value)
    raise TypeError(f"{type(value).__name__} can't travel in a frame")


def _decode_path(kind: type, value: object) -> Any:
    if kind is Path and isinstance(value, bytes):
        return Path(os.fsdecode(value))
    raise TypeError(f"{kind.__name__} can't travel in a frame")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_path)
_TO_WORKER: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker, dec_hook=_decode_path)
_FROM_WORKER: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker, dec_hook=_decode_path)


def encode(message: ToWorker | FromWorker, *, max_bytes: int = MAX_FRAME_BYTES) -> bytearray:
    """One frame, ready to be sent. Raises FrameError if it is too large, too deep or not valid Unicode."""
    frame = bytearray(_HEADER.size)
    try:
        _ENCODER.encode_into(message, frame, _HEADER.size)
    except (RecursionError, UnicodeEncodeError) as error:
        raise FrameError("a message that is nested too deeply or isn't valid Unicode") from error
    size = len(frame) - _HEADER.size
    if size > max_bytes:
        raise FrameError(f"a message of {size} bytes is more than the {max_bytes} bytes allowed")
    _HEADER.pack_into(frame, 0, size)
    return frame


def decode_to_worker(payload: bytes) -> ToWorker:
    """A frame's payload as the worker reads it. Raises FrameError."""
    try:
        return _TO_WORKER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a message to a worker: {error}") from error


def decode_from_worker(payload: bytes) -> FromWorker:
    """A frame's payload as the parent reads it. Raises FrameError."""
    try:
        return _FROM_WORKER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a message from a worker: {error}") from error


class FrameSplitter:
    """Cuts a byte stream into the payloads of its frames."""

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Payloads that `data` completes. Raises FrameError before it would keep an oversized frame."""
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _HEADER.size:
                (size,) = _HEADER.unpack_from(buffer, start)
                if size > self._max_bytes:
                    raise FrameError(
                        f"a frame of {size} bytes is more than the {self._max_bytes} bytes allowed"
                    )
                end = start + _HEADER.size + size
                if len(buffer) < end:
                    return
                payload = bytes(buffer[start + _HEADER.size : end])
                start = end
                yield payload
        finally:
            del buffer[:start]

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that isn't complete yet."""
        return len(self._buffer)
