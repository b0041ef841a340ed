"""Knows the checksums of this machine's models: worked out in the background, once for each state of a file, and kept."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from corral.app.model_copy.background_thread import BackgroundThread
from corral.app.model_copy.errors import BadManifest
from corral.app.model_copy.file_sum import FileChanged, FileSum, Summing, read_sums, write_sums
from corral.app.model_copy.manifest import PIECE_BYTES, Manifest, ModelSum, Part, check, id_of
from corral.app.opened_file import opened
from corral.engines.model import ModelFile

LOOK_S = 5.0
_LOG = structlog.get_logger(__name__)

Paths = tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model whose content is known, and what its files were when they were read."""

    id: ModelSum
    manifest: Manifest
    files: tuple[FileSum, ...]
    size_bytes: int  # as the library has it, like the one below
    modified_at: float


class SumKeeper:
    """Keep `run` running; the other methods return at once."""

    def __init__(
        self,
        *,
        models: Callable[[], Sequence[ModelFile]],
        file: Path,
        wanted: Callable[[], bool] = lambda: True,
        piece_bytes: int = PIECE_BYTES,
        look_s: float = LOOK_S,
    ) -> None:
        """`file` keeps the sums. Nothing is worked out while they aren't `wanted`."""
        self._models = models
        self._file = file
        self._wanted = wanted
        self._piece_bytes = piece_bytes
        self._look_s = look_s
        self._sums: dict[str, FileSum] = {}
        self._known: dict[Paths, KnownModel] = {}
        self._by_id: dict[str, KnownModel] = {}
        self._look_now = asyncio.Event()
        self._saved = True

    def id_of(self, file: ModelFile) -> str:
        """The model's id; empty while it isn't known."""
        known = self._known.get(file.paths)
        return known.id if known is not None and _is_state(known, file) else ""

    def find(self, id: str) -> KnownModel | None:
        """A model of the library by its id."""
        return self._by_id.get(id)

    def forget(self, model: KnownModel) -> None:
        """Its files have changed."""
        for each in model.files:
            self._sums.pop(each.path, None)
        self._known = {paths: known for paths, known in self._known.items() if known.id != model.id}
        self._index()
        self._look_now.set()

    def adopt(self, sums: Sequence[FileSum]) -> None:
        """These files were read by somebody else."""
        self._sums.update({each.path: each for each in sums})
        self._saved = False
        self._look_now.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._sums.update(await asyncio.to_thread(read_sums, self._file))
        async with BackgroundThread() as thread:
            while True:
                self._look_now.clear()
                if self._wanted():
                    await self._look(thread)
                try:
                    async with asyncio.timeout(self._look_s):
                        await self._look_now.wait()
                except TimeoutError:
                    continue

    async def _look(self, thread: BackgroundThread) -> None:
        """Learn what the library has, small models first."""
        models = {each.paths: each for each in self._models() if each.error is None and each.paths}
        self._known = {
            paths: known
            for paths, known in self._known.items()
            if paths in models and _is_state(known, models[paths])
        }
        self._index()
        for model in sorted(models.values(), key=lambda each: each.size_bytes):
            if model.paths in self._known:
                continue
            files = await self._read(model, thread)
            if files is not None and (known := _known_model(model, files)) is not None:
                self._known[model.paths] = known
                self._index()
        await self._save(models)

    async def _read(self, model: ModelFile, thread: BackgroundThread) -> tuple[FileSum, ...] | None:
        """None: it changes, or can't be read; another time."""
        files = []
        try:
            for path in model.paths:
                status = await thread.run(os.stat, path)
                known = self._sums.get(str(path))
                if known is None or not known.is_of(status) or known.piece_bytes != self._piece_bytes:
                    known = await self._sum(path, thread)
                files.append(known)
        except (FileChanged, OSError) as error:
            _LOG.debug("a model can't be summed now", model=model.name, error=str(error))
            return None
        return tuple(files)

    async def _sum(self, path: Path, thread: BackgroundThread) -> FileSum:
        """Raises FileChanged, OSError."""
        summing = await opened(thread.run(Summing, path, piece_bytes=self._piece_bytes))
        try:
            while (found := await thread.run(summing.step)) is None:
                pass
        finally:
            await thread.run(summing.close)
        self._sums[found.path] = found
        self._saved = False
        return found

    async def _save(self, models: dict[Paths, ModelFile]) -> None:
        if self._saved:
            return
        used = [str(path) for paths in models for path in paths]
        try:
            await asyncio.to_thread(write_sums, self._file, dict(self._sums), used)
            self._saved = True
        except OSError as error:
            _LOG.warning("the checksums of models can't be kept", error=error.strerror)

    def _index(self) -> None:
        self._by_id = {known.id: known for known in self._known.values()}


def _is_state(known: KnownModel, file: ModelFile) -> bool:
    return (known.size_bytes, known.modified_at) == (file.size_bytes, file.modified_at)


def _known_model(model: ModelFile, files: tuple[FileSum, ...]) -> KnownModel | None:
    """None for what can't be copied: a name that other systems don't allow."""
    parts = tuple(
        Part(name=path.name, size_bytes=each.size_bytes, sha256=each.sha256, pieces=each.pieces)
        for path, each in zip(model.paths, files, strict=True)
    )
    manifest = Manifest(piece_bytes=files[0].piece_bytes, parts=parts)
    try:
        check(manifest)
    except BadManifest as error:
        _LOG.info("other machines can't copy a model", model=model.name, reason=str(error))
        return None
    return KnownModel(
        id=id_of(manifest),
        manifest=manifest,
        files=files,
        size_bytes=model.size_bytes,
        modified_at=model.modified_at,
    )
