"""What a node says of itself to its peers, as msgpack inside heartbeats.

*Static*: its models and its hardware; sent to a peer that doesn't know this digest yet. *Live*: small numbers, with
every heartbeat; models in it are places in the static part's list, and only those that are loaded or failed are there.

Unknown fields are ignored, missing ones have their defaults. Short names keep a heartbeat small.
"""

from hashlib import blake2b
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, structs

VERSION = 1
MAX_STATIC_BYTES = 1024 * 1024
MAX_LIVE_BYTES = 16 * 1024
MOST_MODELS = 2000
MOST_LIVE_MODELS = 64
MOST_GPUS = 16
MOST_COPIES = 8
MOST_PREFIXES = 64  # fingerprints of a model in the static part
MOST_NEW_PREFIXES = 16  # of a model in the live part
DIGEST_BYTES = 8

Count = Annotated[int, Meta(ge=0, le=2**53)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Tenths = Annotated[int, Meta(ge=0, le=10**8)]  # of tokens per second; 0: not known
Name = Annotated[str, Meta(max_length=512)]
Word = Annotated[str, Meta(max_length=64)]
Words = Annotated[str, Meta(max_length=200)]
Sentence = Annotated[str, Meta(max_length=400)]
Fingerprint = Annotated[bytes, Meta(min_length=8, max_length=8)]


_Report = TypeVar("_Report")


class BadReport(ValueError):
    """A peer sent something that is not a report, or one that is too large."""


class ModelReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model that the node has on disk."""

    name: Name
    stem: Name = ""  # of its file, without the number of a part
    quantization: Word = ""
    architecture: Word = ""
    capabilities: Annotated[tuple[Word, ...], Meta(max_length=32)] = ()
    context_length: Count = 0
    size_bytes: Count = 0
    created: Count = 0  # Unix time, seconds
    sha256: Word = ""  # hexadecimal; empty while not known
    error: Words = ""
    prefixes: Annotated[tuple[Fingerprint, ...], Meta(max_length=MOST_PREFIXES)] = ()  # not in the digest


class GpuReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A graphics card."""

    name: Words = ""
    memory_bytes: Count = 0


class StaticReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes rarely."""

    version: int = VERSION
    digest: Annotated[bytes, Meta(max_length=32)] = b""  # names this state; of everything but the prefixes
    models: Annotated[tuple[ModelReport, ...], Meta(max_length=MOST_MODELS)] = ()
    program: Word = ""  # version of Corral
    cores: Count = 0
    memory_bytes: Count = 0
    gpus: Annotated[tuple[GpuReport, ...], Meta(max_length=MOST_GPUS)] = ()


class ModelLive(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "model": "i",
        "state": "s",
        "progress": "p",
        "error": "e",
        "slots": "n",
        "context_length": "c",
        "active": "a",
        "waiting": "w",
        "decode_tenths": "d",
        "prefill_tenths": "f",
        "speed_tenths": "t",
        "prefixes": "h",
    },
):
    """A model that is not merely on disk. `state` is a Lifecycle; decoding and prefill are
    those of one answer alone."""

    model: Count  # place in the static part's list
    state: Word = "loaded"
    progress: Percent = 0
    error: Words = ""
    slots: Count = 0
    context_length: Count = 0  # as it was loaded
    active: Count = 0
    waiting: Count = 0
    decode_tenths: Tenths = 0
    prefill_tenths: Tenths = 0
    speed_tenths: Tenths = 0  # generated now, all answers together
    prefixes: Annotated[
        tuple[Fingerprint, ...], Meta(max_length=MOST_NEW_PREFIXES)
    ] = ()  # of the last seconds


class GpuLive(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"used_percent": "u", "memory_percent": "m", "celsius": "t"},
):
    """A graphics card's load."""

    used_percent: Percent = 0
    memory_percent: Percent = 0
    celsius: Annotated[int, Meta(ge=-50, le=200)] | None = None


class CopyLive(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "model": "m",
        "id": "i",
        "state": "s",
        "done_bytes": "d",
        "total_bytes": "t",
        "sources": "n",
        "bytes_per_s": "r",
        "error": "e",
        "note": "o",
    },
):
    """A model that is being fetched from other machines, or was lately. `state` is a `model_copy.copies.State`."""

    model: Name
    id: Word  # of the model's content
    state: Word = "waiting"
    done_bytes: Count = 0
    total_bytes: Count = 0
    sources: Count = 0  # machines that are sending
    bytes_per_s: Count = 0
    error: Sentence = ""
    note: Sentence = ""


class LiveReport(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "version": "v",
        "digest": "k",
        "cpu_percent": "c",
        "memory_percent": "m",
        "gpus": "g",
        "battery_percent": "b",
        "on_battery": "o",
        "in_use": "u",
        "draining": "x",
        "models": "l",
        "copies": "p",
    },
):
    """What changes all the time. None: not known."""

    version: int = VERSION
    digest: Annotated[bytes, Meta(max_length=32)] = b""  # of the static part that `models` refers to
    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    gpus: Annotated[tuple[GpuLive, ...], Meta(max_length=MOST_GPUS)] = ()
    battery_percent: Percent | None = None
    on_battery: bool = False
    in_use: bool | None = None  # by its owner
    draining: bool = False
    models: Annotated[tuple[ModelLive, ...], Meta(max_length=MOST_LIVE_MODELS)] = ()
    copies: Annotated[tuple[CopyLive, ...], Meta(max_length=MOST_COPIES)] = ()


_ENCODER = msgspec.msgpack.Encoder()
_STATIC = msgspec.msgpack.Decoder(StaticReport)
_LIVE = msgspec.msgpack.Decoder(LiveReport)


def encode_static(report: StaticReport) -> bytes:
    """The caller keeps to the bounds."""
    return _ENCODER.encode(report)


def encode_live(report: LiveReport) -> bytes:
    """The caller keeps to the bounds."""
    return _ENCODER.encode(report)


def decode_static(data: bytes) -> StaticReport:
    """Raises BadReport."""
    return _decoded(_STATIC, data, MAX_STATIC_BYTES)


def decode_live(data: bytes) -> LiveReport:
    """Raises BadReport."""
    return _decoded(_LIVE, data, MAX_LIVE_BYTES)


def with_digest(report: StaticReport) -> StaticReport:
    """The same with its name."""
    bare = tuple(structs.replace(model, prefixes=()) for model in report.models)
    data = encode_static(structs.replace(report, models=bare, digest=b""))
    return structs.replace(report, digest=blake2b(data, digest_size=DIGEST_BYTES).digest())


def _decoded(decoder: msgspec.msgpack.Decoder[_Report], data: bytes, most_bytes: int) -> _Report:
    if len(data) > most_bytes:
        raise BadReport(f"a report of {len(data)} bytes is more than the {most_bytes} bytes allowed")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadReport(f"not a load report: {error}") from error
