"""A GGUF file's header: its metadata and how long the file must be, read without its tensors.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The gguf package's reader makes several objects for
each of the vocabulary's hundred thousands of strings and maps the file, which kills the process if somebody truncates
it meanwhile; this one skips strings it doesn't need and reads with plain `read`.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corral.engines.errors import ModelBroken
from corral.engines.gguf_constants import BLOCKS, DEFAULT_ALIGNMENT, MAGIC, ValueType

Value = str | int | float | bool | tuple[int | float | bool, ...]

_VERSIONS = (2, 3)
_BUFFER_BYTES = 1024 * 1024
_MAX_STRING_BYTES = 16 * 1024 * 1024
_MAX_KEPT_ARRAY = 4096  # longer arrays and arrays of strings are skipped; nothing here needs them
_MAX_ARRAY = 16_000_000
_MAX_ENTRIES = 1_000_000
_MAX_DIMENSIONS = 8
_UNKNOWN_BLOCK = (1, 0)  # of a type newer than this program: its size is unknown, the engine will judge
_SCALARS = {
    ValueType.UINT8: struct.Struct("<B"),
    ValueType.INT8: struct.Struct("<b"),
    ValueType.UINT16: struct.Struct("<H"),
    ValueType.INT16: struct.Struct("<h"),
    ValueType.UINT32: struct.Struct("<I"),
    ValueType.INT32: struct.Struct("<i"),
    ValueType.FLOAT32: struct.Struct("<f"),
    ValueType.UINT64: struct.Struct("<Q"),
    ValueType.INT64: struct.Struct("<q"),
    ValueType.FLOAT64: struct.Struct("<d"),
    ValueType.BOOL: struct.Struct("<?"),
}
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """What the header says. `end` is the byte where the last tensor ends: a shorter file is truncated."""

    metadata: dict[str, Value]
    tensor_count: int
    end: int

    def text(self, key: str) -> str:
        """The string under `key`; empty if there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """The integer under `key`; 0 if there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> GgufHeader:
    """Raises ModelBroken (not a GGUF file, or cut off inside the header) and OSError."""
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        return _HeaderReader(file).read()


class _HeaderReader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def read(self) -> GgufHeader:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ModelBroken("not a GGUF file")
        version = self._number(_U32)
        if version & 0xFFFF == 0:
            raise ModelBroken("a GGUF file for big-endian machines, which is not supported")
        if version not in _VERSIONS:
            raise ModelBroken(f"GGUF version {version} is not supported")
        tensors = self._count("tensors")
        entries = self._count("metadata entries")
        metadata: dict[str, Value] = {}
        for _ in range(entries):
            key = self._string()
            value = self._value(self._type())
            if value is not None:
                metadata[key] = value
        end = self._tensors_end(tensors)
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise ModelBroken("damaged GGUF header: a wrong alignment")
        data = -(-self._file.tell() // alignment) * alignment
        return GgufHeader(
            metadata=metadata, tensor_count=tensors, end=data + end if tensors else self._file.tell()
        )

    def _tensors_end(self, count: int) -> int:
        """Where the last tensor ends, from the start of the tensor data."""
        end = 0
        for _ in range(count):
            self._skip_string()
            dimensions = self._number(_U32)
            if dimensions > _MAX_DIMENSIONS:
                raise ModelBroken("damaged GGUF header: a tensor with too many dimensions")
            elements = 1
            for _ in range(dimensions):
                elements *= self._number(_U64)
            block, block_bytes = BLOCKS.get(self._number(_U32), _UNKNOWN_BLOCK)
            end = max(end, self._number(_U64) + elements // block * block_bytes)
        return end

    def _value(self, kind: ValueType) -> Value | None:
        if kind is ValueType.STRING:
            return self._string()
        if kind is ValueType.ARRAY:
            return self._array()
        scalar = _SCALARS[kind]
        value: int | float | bool = scalar.unpack(self._bytes(scalar.size))[0]
        return value

    def _array(self) -> tuple[int | float | bool, ...] | None:
        kind = self._type()
        count = self._count("array elements", _MAX_ARRAY)
        if kind is ValueType.ARRAY:
            raise ModelBroken("damaged GGUF header: an array of arrays")
        if kind is ValueType.STRING:
            for _ in range(count):
                self._skip_string()
            return None
        scalar = _SCALARS[kind]
        if count > _MAX_KEPT_ARRAY:
            self._skip(count * scalar.size)
            return None
        return tuple(value for (value,) in scalar.iter_unpack(self._bytes(count * scalar.size)))

    def _type(self) -> ValueType:
        kind = self._number(_U32)
        try:
            return ValueType(kind)
        except ValueError as error:
            raise ModelBroken(f"damaged GGUF header: unknown value type {kind}") from error

    def _count(self, what: str, limit: int = _MAX_ENTRIES) -> int:
        count = self._number(_U64)
        if count > limit:
            raise ModelBroken(f"damaged GGUF header: {count} {what}")
        return count

    def _string(self) -> str:
        size = self._number(_U64)
        if size > _MAX_STRING_BYTES:
            raise ModelBroken("damaged GGUF header: a string that is too long")
        return self._bytes(size).decode("utf-8", "replace")

    def _skip_string(self) -> None:
        self._skip(self._number(_U64))

    def _skip(self, size: int) -> None:
        if size > self._size or self._file.seek(size, os.SEEK_CUR) > self._size:
            raise _cut_off()

    def _number(self, kind: struct.Struct) -> int:
        value: int = kind.unpack(self._bytes(kind.size))[0]
        return value

    def _bytes(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise _cut_off()
        return data


def _cut_off() -> ModelBroken:
    return ModelBroken(
        "incomplete: the file ends inside its header; download it again if nothing is downloading it now"
    )
