"""Removing a model's files from this machine."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import structlog

from corral.app.registry.errors import CantRemove, ModelBusy, NotRegistered
from corral.engines.errors import EngineError
from corral.engines.model import Lifecycle, ModelFile, ModelStatus
from corral.engines.model_folders import MARKER, SAFETENSORS

_LOG = structlog.get_logger(__name__)
_WEIGHTS = (".gguf", SAFETENSORS)


class Models(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def find(self, name: str) -> ModelStatus | None: ...

    async def unload(self, name: str) -> None: ...

    async def rescan(self) -> tuple[ModelStatus, ...]: ...


class Removal:
    """Of files below the folder of models only: other folders are read, never changed."""

    def __init__(self, *, models: Models, folder: Path) -> None:
        self._models = models
        self._folder = folder

    async def remove(self, name: str) -> int:
        """How many bytes it freed. Raises NotRegistered if there is no such model here, ModelBusy, CantRemove."""
        status = self._models.find(name)
        if status is None:
            raise NotRegistered(name)
        file = status.file
        if is_busy(status):
            raise ModelBusy(f"model {file.name!r} is answering now; try again when it has ended")
        if not await asyncio.to_thread(self._is_ours, file):
            raise CantRemove(
                f"model {file.name!r} is in a folder that is only read (the setting model_folders); remove its file there"
            )
        try:
            if status.lifecycle is Lifecycle.LOADED:
                await self._models.unload(file.name)
            freed_bytes = await asyncio.to_thread(_remove, self._folder, file)
        except (OSError, EngineError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.message
            raise CantRemove(f"the files of model {file.name!r} can't be removed: {reason}") from error
        finally:
            await self._models.rescan()
        _LOG.info("a model was removed", model=file.name, bytes=freed_bytes)
        return freed_bytes

    def _is_ours(self, file: ModelFile) -> bool:
        folder = self._folder.resolve()
        return all(path.parent.resolve().is_relative_to(folder) for path in file.paths)


def is_busy(status: ModelStatus) -> bool:
    """Whether somebody waits for it."""
    return status.lifecycle is Lifecycle.LOADING or (
        status.lifecycle is Lifecycle.LOADED and status.idle_s is None
    )


def _remove(models: Path, file: ModelFile) -> int:
    """Also what goes with it, when no other model is in its folder. Raises OSError."""
    freed_bytes = 0
    for path in reversed(file.paths):
        freed_bytes += path.lstat().st_size
        path.unlink()
    if file.repository and not file.paths[0].is_symlink():
        freed_bytes += _remove_rest(models, _marked(models, file.paths[0]))
    return freed_bytes


def _marked(models: Path, path: Path) -> Path | None:
    """The model's folder."""
    return next(
        (
            each
            for each in path.parents
            if each != models and each.is_relative_to(models) and (each / MARKER).exists()
        ),
        None,
    )


def _remove_rest(models: Path, place: Path | None) -> int:
    if place is None:
        return 0
    files = [path for path in place.rglob("*") if path.is_file()]
    if any(path.name.lower().endswith(_WEIGHTS) or path.suffix == ".part" for path in files):
        return 0  # another quantisation, perhaps on its way
    freed_bytes = sum(path.lstat().st_size for path in files)
    for path in files:
        path.unlink()
    for folder in sorted((path for path in place.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    for folder in (place, *place.parents):
        if folder == models:
            break
        with suppress(OSError):  # not empty
            folder.rmdir()
    return freed_bytes
