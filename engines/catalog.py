"""Names for the models that were found: unique ones to list, and every name a client may use. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from msgspec import structs

from corral.engines.errors import InvalidRequest, ModelNotFound
from corral.engines.model import ModelFile, ModelName
from corral.engines.model_names import default_order, parse

_MAX_SHOWN_NAME = 100


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models under the names they are listed by, and an index of all names that mean them (in lower case).

    A model is listed as `name`; if there are several quantisations of it, each is listed as `name:QUANTISATION`, and
    plain `name` means the one that `model_names.default_order` puts first. A file's whole stem means that file.
    """

    models: tuple[ModelFile, ...] = ()
    index: Mapping[str, ModelFile] = field(default_factory=dict)

    def resolve(self, name: str) -> ModelFile:
        """Raises ModelNotFound, and InvalidRequest for a name with more than one colon."""
        if name.count(":") > 1:
            raise InvalidRequest("a model's name has one colon at most, as in name:Q4_K_M", param="model")
        file = self.find(name)
        if file is None:
            raise ModelNotFound(self._not_found(name), param="model")
        return file

    def find(self, name: str) -> ModelFile | None:
        """The same, None instead of an error."""
        return self.index.get(name.strip().lower())

    def _not_found(self, name: str) -> str:
        shown = name if len(name) <= _MAX_SHOWN_NAME else f"{name[:_MAX_SHOWN_NAME]}…"
        message = f"there is no model {shown!r} on this machine"
        close = get_close_matches(name.lower()[:_MAX_SHOWN_NAME], self.index, n=1)
        return f"{message}; did you mean {self.index[close[0]].name!r}?" if close else message


def make_catalog(files: Iterable[ModelFile]) -> Catalog:
    """Name the files. Of two with the same name and quantisation the first wins, unless it is broken."""
    kept: dict[tuple[str, str], ModelFile] = {}
    for file in files:
        key = (base_of(file), file.quantization.lower())
        if key not in kept or (kept[key].error is not None and file.error is None):
            kept[key] = file
    by_base: dict[str, list[ModelFile]] = {}
    for (base, _), file in kept.items():
        by_base.setdefault(base, []).append(file)
    named = [model for base in sorted(by_base) for model in _named(base, by_base[base])]
    return Catalog(tuple(named), _index(named))


def _named(base: str, files: list[ModelFile]) -> list[ModelFile]:
    if len(files) == 1:
        return [structs.replace(files[0], name=ModelName(base))]
    ordered = sorted(files, key=_default_first)
    return [structs.replace(file, name=ModelName(_with_quantization(base, file))) for file in ordered]


def _default_first(file: ModelFile) -> tuple[bool, tuple[int, int, str]]:
    return file.error is not None, default_order(file.quantization, file.size_bytes, file.paths[0].name)


def base_of(file: ModelFile) -> str:
    """The model's name without quantisation: its repository's, else the one that its file's name says."""
    return file.repository or parse(file.paths[0]).base


def _with_quantization(base: str, file: ModelFile) -> str:
    return f"{base}:{file.quantization}" if file.quantization else base


def _index(models: list[ModelFile]) -> dict[str, ModelFile]:
    """Stronger names first: an earlier entry is never replaced by a later one."""
    index: dict[str, ModelFile] = {}
    for model in models:
        index.setdefault(model.name.lower(), model)
    for model in models:
        index.setdefault(_with_quantization(base_of(model), model).lower(), model)
    for model in models:  # in the order of `_default_first` within one base
        index.setdefault(base_of(model), model)
    for model in models:
        index.setdefault(parse(model.paths[0]).stem.lower(), model)
    for model in models:
        index.setdefault(model.paths[0].stem.lower(), model)
    return index
