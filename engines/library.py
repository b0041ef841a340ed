"""The models on this machine: the models folder, and folders of other programs that are only read.

Extra folders may be Hugging Face's cache, LM Studio's or llama.cpp's: all are folders with GGUF files somewhere below.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from corral.engines import echo, gguf_file
from corral.engines.catalog import Catalog, make_catalog
from corral.engines.errors import ModelBroken
from corral.engines.model import ModelFile, ModelName
from corral.engines.model_folders import SAFETENSORS, FoundModel, find_models
from corral.engines.model_names import parse

NO_ENGINE = "no engine here can run it"


class Library:
    """Knows the models since the last `scan`. Headers are read again only when a file has changed."""

    def __init__(self, *, folder: Path, extra_folders: Sequence[Path] = ()) -> None:
        """Of models with the same name the one in the folder named first wins; `folder` comes before all others."""
        self._folders = (folder, *extra_folders)
        self._catalog = Catalog()
        self._read: dict[FoundModel, ModelFile | None] = {}
        self._scanning = asyncio.Lock()

    async def scan(self) -> tuple[ModelFile, ...]:
        """Look at the folders again, in a thread. A folder that doesn't exist has no models."""
        async with self._scanning:
            self._catalog, self._read = await asyncio.to_thread(_scan, self._folders, self._read)
        return self._catalog.models

    def models(self) -> tuple[ModelFile, ...]:
        """Every model, broken ones too, in the order of names."""
        return self._catalog.models

    def resolve(self, name: str) -> ModelFile:
        """The model that a client means by `name`, `name:QUANTISATION` or a file's stem, in any case.

        Raises ModelNotFound, and InvalidRequest for a name with more than one colon.
        """
        return self._catalog.resolve(name)

    def find(self, name: str) -> ModelFile | None:
        """The same, None instead of an error."""
        return self._catalog.find(name)


def _scan(
    folders: Sequence[Path], known: dict[FoundModel, ModelFile | None]
) -> tuple[Catalog, dict[FoundModel, ModelFile | None]]:
    found = [model for folder in folders for model in find_models(folder)]
    read = {model: known[model] if model in known else _read(model) for model in found}
    return make_catalog(file for file in read.values() if file is not None), read


def _read(found: FoundModel) -> ModelFile | None:
    if found.path.name.lower().endswith(echo.SUFFIX):
        return _read_echo(found)
    if found.path.name.lower().endswith(SAFETENSORS):
        return _read_safetensors(found)
    model = gguf_file.read_model(found.paths, size_bytes=found.size_bytes, modified_at=found.modified_at)
    return None if model is None else structs.replace(model, repository=found.repository)


def _read_safetensors(found: FoundModel) -> ModelFile:
    return ModelFile(
        name=ModelName(found.repository),
        paths=found.paths,
        size_bytes=found.size_bytes,
        modified_at=found.modified_at,
        format=SAFETENSORS.removeprefix("."),
        quantization=SAFETENSORS.removeprefix("."),
        repository=found.repository,
        error=NO_ENGINE,
    )


def _read_echo(found: FoundModel) -> ModelFile:
    error = None
    settings = echo.EchoSettings()
    try:
        settings = echo.read_settings(found.path)
    except ModelBroken as broken:
        error = broken.message
    except OSError as broken:
        error = f"can't be read: {broken.strerror}"
    return ModelFile(
        name=ModelName(parse(found.path).base),
        paths=found.paths,
        size_bytes=found.size_bytes if settings.size_bytes is None else settings.size_bytes,
        modified_at=found.modified_at,
        format=echo.FORMAT,
        architecture=echo.FORMAT,
        context_length=settings.context_length,
        capabilities=frozenset() if error else settings.capabilities,
        error=error,
    )
