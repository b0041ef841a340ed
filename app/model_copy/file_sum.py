"""The checksums of one file, worked out piece by piece, and the file in which they are kept."""

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from corral.peers.private_file import write_private

VERSION = 1
MOST_FILES = 2000  # kept; those that were not used for longest are dropped
_READ_BYTES = 1024 * 1024
_LOG = structlog.get_logger(__name__)


class FileChanged(Exception):
    """The file is not what it was when its reading began."""


class FileSum(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a file when it had this size and this time."""

    path: str
    size_bytes: int
    modified_ns: int
    piece_bytes: int
    sha256: bytes
    pieces: bytes  # checksums, one after the other

    def is_of(self, status: os.stat_result) -> bool:
        """Whether the file is still that one."""
        return (self.size_bytes, self.modified_ns) == _version(status)


class _Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The file on disk."""

    version: int = VERSION
    files: tuple[FileSum, ...] = ()


class Summing:
    """Reads a file once. Everything blocks."""

    def __init__(self, path: Path, *, piece_bytes: int) -> None:
        """Raises OSError."""
        self._path = path
        self._piece_bytes = piece_bytes
        self._file = path.open("rb", buffering=0)
        self._status = os.fstat(self._file.fileno())
        self._whole = sha256()
        self._pieces = bytearray()
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Done with it."""
        self._file.close()

    def step(self) -> FileSum | None:
        """Read one piece; the sums when the end was reached. Raises FileChanged, OSError."""
        if _version(os.fstat(self._file.fileno())) != _version(self._status):
            raise FileChanged
        piece, left = sha256(), min(self._piece_bytes, self._status.st_size - self._seen)
        if left <= 0:
            return self._ended()
        while left:
            data = self._file.read(min(_READ_BYTES, left))
            if not data:
                raise FileChanged
            piece.update(data)
            self._whole.update(data)
            left -= len(data)
            self._seen += len(data)
        self._pieces += piece.digest()
        return None

    def _ended(self) -> FileSum:
        now = os.stat(self._path)
        found = FileSum(
            path=str(self._path),
            size_bytes=self._status.st_size,
            modified_ns=self._status.st_mtime_ns,
            piece_bytes=self._piece_bytes,
            sha256=self._whole.digest(),
            pieces=bytes(self._pieces),
        )
        if not found.is_of(now) or not now.st_size:
            raise FileChanged
        return found


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def read_sums(file: Path) -> dict[str, FileSum]:
    """Path → sums. A file that can't be read or understood counts as empty: all of it can be worked out again. Blocks."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_Sums)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _LOG.warning("the checksums of models can't be read and are worked out again", error=str(error))
        return {}
    return {each.path: each for each in kept.files} if kept.version == VERSION else {}


def write_sums(file: Path, sums: Mapping[str, FileSum], used: Iterable[str]) -> None:
    """Keep the sums of the paths in use, and of others as many as there is room for. Blocks; raises OSError."""
    in_use = dict.fromkeys(path for path in used if path in sums)
    wanted = [*in_use, *(path for path in sums if path not in in_use)]
    files = tuple(sums[path] for path in wanted[:MOST_FILES])
    write_private(file, msgspec.json.encode(_Sums(files=files)))
