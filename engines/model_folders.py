"""Finding the model files in folders: which files, and which of them are parts of one model.

A folder ORG/MODEL with the file `.corral-model` holds what came from a hub: its path is the model's name, whatever the
files are called, and safetensors files in it are a model too.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.engines import echo, gguf_file
from corral.engines.model_names import parse

MARKER = ".corral-model"
SAFETENSORS = ".safetensors"
_SUFFIXES = (gguf_file.SUFFIX, echo.SUFFIX)
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?")
_MAX_DEPTH = 8  # Hugging Face's cache needs 4


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with a model's suffix. Equal to another one if nothing has changed, its permissions neither."""

    path: Path
    size_bytes: int
    modified_at: float
    status_changed_at: float
    repository: str = ""  # of the marked folder that it is in


@dataclass(frozen=True, slots=True)
class FoundModel:
    """The parts of one model, first part first. Equal to another one if nothing has changed on disk."""

    files: tuple[FoundFile, ...]

    @property
    def path(self) -> Path:
        return self.files[0].path

    @property
    def repository(self) -> str:
        return self.files[0].repository

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
        groups.setdefault(_group_of(found), []).append(found)
    return [FoundModel(tuple(files)) for files in groups.values()]


def _group_of(found: FoundFile) -> tuple[Path, str, int]:
    """Equal for the parts of one model."""
    if found.path.name.lower().endswith(SAFETENSORS):
        return Path(found.repository), SAFETENSORS, 0
    name = parse(found.path)
    return (found.path.parent, name.stem, name.parts) if name.part else (found.path, "", 0)


def _files(top: Path) -> Iterator[FoundFile]:
    seen: set[tuple[int, int]] = set()  # folders, so that links in a circle end
    repositories: dict[str, str] = {}  # folder → the repository that it belongs to
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
        repository = repositories.get(os.path.dirname(folder), "")
        if MARKER in names:
            repository = _repository(Path(folder).relative_to(top)) or repository
        if repository:
            repositories[folder] = repository
        yield from _models_among(Path(folder), names, repository)


def _repository(folder: Path) -> str:
    name = folder.as_posix().lower()
    return name if _REPOSITORY.fullmatch(name) else ""


def _models_among(folder: Path, names: Sequence[str], repository: str) -> Iterator[FoundFile]:
    suffixes = (*_SUFFIXES, SAFETENSORS) if repository else _SUFFIXES
    for name in names:
        if not name.lower().endswith(suffixes) or name.startswith("."):
            continue
        path = folder / name
        try:
            status = path.stat()
        except OSError:  # vanished, or a link to nothing
            continue
        if stat.S_ISREG(status.st_mode):
            yield FoundFile(path, status.st_size, status.st_mtime, status.st_ctime, repository)
