"""Finding the model files in folders: which files, and which of them are parts of one model."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.engines import echo, gguf_file
from corral.engines.model_names import parse

_SUFFIXES = (gguf_file.SUFFIX, echo.SUFFIX)
_MAX_DEPTH = 8  # Hugging Face's cache needs 4


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with a model's suffix. Equal to another one if nothing has changed, its permissions neither."""

    path: Path
    size_bytes: int
    modified_at: float
    status_changed_at: float


@dataclass(frozen=True, slots=True)
class FoundModel:
    """The parts of one model, first part first. Equal to another one if nothing has changed on disk."""

    files: tuple[FoundFile, ...]

    @property
    def path(self) -> Path:
        return self.files[0].path

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(file.path for file in self.files)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def modified_at(self) -> float:
        return max(file.modified_at for file in self.files)


def find_models(folder: Path) -> list[FoundModel]:
    """Every model below `folder`, in the order of paths. What vanishes meanwhile or can't be read is left out."""
    groups: dict[tuple[Path, str, int], list[FoundFile]] = {}
    for found in sorted(_files(folder), key=lambda found: found.path):
        name = parse(found.path)
        key = (found.path.parent, name.stem, name.parts) if name.part else (found.path, "", 0)
        groups.setdefault(key, []).append(found)
    return [FoundModel(tuple(files)) for files in groups.values()]


def _files(top: Path) -> Iterator[FoundFile]:
    seen: set[tuple[int, int]] = set()  # folders, so that links in a circle end
    for folder, folders, names in os.walk(top, followlinks=True):
        try:
            status = os.stat(folder)
        except OSError:
            folders.clear()
            continue
        depth = len(Path(folder).relative_to(top).parts)
        if (status.st_dev, status.st_ino) in seen or depth > _MAX_DEPTH:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        yield from _models_among(Path(folder), names)


def _models_among(folder: Path, names: Sequence[str]) -> Iterator[FoundFile]:
    for name in names:
        if not name.lower().endswith(_SUFFIXES) or name.startswith("."):
            continue
        path = folder / name
        try:
            status = path.stat()
        except OSError:  # vanished, or a link to nothing
            continue
        if stat.S_ISREG(status.st_mode):
            yield FoundFile(path, status.st_size, status.st_mtime, status.st_ctime)
