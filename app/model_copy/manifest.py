"""What a model's content is: its files, their sizes, a checksum of each and of each piece. Pure.

A model's id is a checksum over all of that save the files' names: who has the id can check the manifest, and who has the
manifest can check each piece alone. Machines that have the same content under other names agree about its id.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NewType

import msgspec
from msgspec import Meta

from corral.app.model_copy.errors import BadManifest
from corral.engines import echo, gguf_file

ModelSum = NewType("ModelSum", str)  # the id: 64 hexadecimal digits

VERSION = 1
PIECE_BYTES = 16 * 1024 * 1024
SUM_BYTES = 32
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_MOST_PARTS = 1000
_MOST_NAME_BYTES = 240  # what is put after it must fit too
_SUFFIXES = (gguf_file.SUFFIX, echo.SUFFIX)
_MODEL_SUM = re.compile(r"[0-9a-f]{64}")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')

Size = Annotated[int, Meta(ge=1, le=2**53)]
Sum = Annotated[bytes, Meta(min_length=SUM_BYTES, max_length=SUM_BYTES)]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file. Its pieces have `piece_bytes` each, save the last one."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    size_bytes: Size
    sha256: Sum
    pieces: Annotated[bytes, Meta(max_length=MAX_MANIFEST_BYTES)]  # the checksum of each, one after the other


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a model, the first part first."""

    version: int = VERSION
    piece_bytes: Annotated[int, Meta(ge=64 * 1024, le=64 * 1024 * 1024)] = PIECE_BYTES
    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=_MOST_PARTS)]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(part.size_bytes for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes of one file. `start` is its place in all files one after the other, `offset` the one in its own."""

    number: int
    part: int
    offset: int
    start: int
    size_bytes: int
    sha256: bytes


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Manifest)


def id_of(manifest: Manifest) -> ModelSum:
    """The model's id."""
    whole = sha256(f"corral model {manifest.version} {manifest.piece_bytes}\n".encode())
    for part in manifest.parts:
        whole.update(f"{part.size_bytes} {part.sha256.hex()} {part.pieces.hex()}\n".encode())
    return ModelSum(whole.hexdigest())


def pieces_of(manifest: Manifest) -> tuple[Piece, ...]:
    """In the order of bytes. The manifest has been checked."""
    return tuple(_pieces(manifest))


def encode_manifest(manifest: Manifest) -> bytes:
    """As JSON."""
    return _ENCODER.encode(manifest)


def decode_manifest(data: bytes, id: ModelSum) -> Manifest:
    """The manifest that `id` stands for. Raises BadManifest."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise BadManifest(f"{len(data)} bytes are too many for a manifest")
    try:
        manifest = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadManifest(f"not a manifest: {error}") from error
    check(manifest)
    if id_of(manifest) != id:
        raise BadManifest("the manifest is of another model than the one that was asked for")
    return manifest


def check(manifest: Manifest) -> None:
    """Raises BadManifest if it contradicts itself or names files that can't be."""
    if manifest.version != VERSION:
        raise BadManifest(f"manifests of version {manifest.version} are not known here; update this machine")
    for part in manifest.parts:
        if len(part.pieces) != piece_count(part.size_bytes, manifest.piece_bytes) * SUM_BYTES:
            raise BadManifest("a file has another number of pieces than its size needs")
        if not is_safe_name(part.name):
            raise BadManifest("a file has a name that is not one of a model's file")
    if len({part.name.lower() for part in manifest.parts}) != len(manifest.parts):
        raise BadManifest("two files have the same name")


def piece_count(size_bytes: int, piece_bytes: int) -> int:
    """How many pieces a file has."""
    return -(-size_bytes // piece_bytes)


def is_safe_name(name: str) -> bool:
    """Whether a file of this name can be made in a folder of models on any system, and nowhere else."""
    return (
        len(name.encode("utf-8", "replace")) <= _MOST_NAME_BYTES
        and not name.startswith(".")
        and _NOT_IN_NAMES.search(name) is None
        and Path(name).name == name
        and name.lower().endswith(_SUFFIXES)
    )


def is_model_sum(text: str) -> bool:
    """Whether this is a model's id."""
    return _MODEL_SUM.fullmatch(text) is not None


def _pieces(manifest: Manifest) -> Iterator[Piece]:
    number, start = 0, 0
    for place, part in enumerate(manifest.parts):
        for offset, size_bytes, wanted in _cut(part, manifest.piece_bytes):
            yield Piece(
                number=number,
                part=place,
                offset=offset,
                start=start + offset,
                size_bytes=size_bytes,
                sha256=wanted,
            )
            number += 1
        start += part.size_bytes


def _cut(part: Part, piece_bytes: int) -> Iterator[tuple[int, int, bytes]]:
    sums: Sequence[bytes] = [part.pieces[at : at + SUM_BYTES] for at in range(0, len(part.pieces), SUM_BYTES)]
    for place, wanted in enumerate(sums):
        offset = place * piece_bytes
        yield offset, min(piece_bytes, part.size_bytes - offset), wanted
