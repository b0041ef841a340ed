"""Which files of a repository are the model that somebody wants. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from corral.app.registry.errors import BadWish
from corral.app.registry.quantization import Policy, Variant, picked
from corral.app.registry.repository import RepoFile, Repository, safe_path
from corral.engines.model_names import parse

Format = Literal["gguf", "safetensors"]
GGUF, SAFETENSORS = ".gguf", ".safetensors"
MOST_FILES = 200
_NEEDED = ("config.json", "tokenizer.json")
_USEFUL = frozenset(
    {
        *_NEEDED,
        *("tokenizer_config.json", "generation_config.json", "special_tokens_map.json", "added_tokens.json"),
        *("vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json"),
        *("preprocessor_config.json", "processor_config.json"),
    }
)
_NO_MODELS = ("mmproj", "imatrix")  # files that go with a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asks for of a repository. At most one of the last three is useful."""

    format: Format | None = None
    filename: str | None = None
    policy: Policy | None = None
    quantization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A model: its files, those that an engine reads first."""

    format: Format
    quantization: str
    files: tuple[RepoFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(each.size_bytes for each in self.files)


def selected(repo: Repository, wish: Wish) -> Selection:
    """Raises BadWish."""
    if wish.policy is not None and wish.quantization is not None:
        raise _bad(
            "give either `gguf_policy` or `quantization`: both choose the file",
            code="conflicting_fields",
            param="gguf_policy",
        )
    found = _gguf(repo) if _format(repo, wish) == "gguf" else None
    selection = _safetensors(repo, wish) if found is None else _of_gguf(repo, found, wish)
    if len(selection.files) > MOST_FILES:
        raise _bad(f"the model has more than {MOST_FILES} files", code="too_many_files", param="repo")
    wrong = next((each.path for each in selection.files if not safe_path(each.path)), None)
    if wrong is not None:
        raise _bad(
            f"file {wrong[:200]!r} has a name that can't be used on every system",
            code="invalid_value",
            param="filename",
        )
    return selection


def _format(repo: Repository, wish: Wish) -> Format:
    kinds = {kind for kind in (GGUF, SAFETENSORS) if any(_is(each, kind) for each in repo.files)}
    if wish.filename is not None:
        return _format_of_file(repo, wish, wish.filename)
    if wish.policy is not None and wish.format == "safetensors":
        raise _bad("`gguf_policy` is for GGUF files", code="conflicting_fields", param="gguf_policy")
    if wish.format is not None:
        if f".{wish.format}" not in kinds:
            raise _bad(
                f"repository {repo.id} has no {wish.format} files", code="file_not_found", param="format"
            )
        return wish.format
    if not kinds:
        raise _bad(
            f"repository {repo.id} has neither GGUF nor safetensors files",
            code="no_model_files",
            param="repo",
        )
    if len(kinds) == 2 and wish.policy is None and wish.quantization is None:
        raise _bad(
            f"repository {repo.id} has GGUF and safetensors files: say which with `format`",
            code="format_required",
            param="format",
        )
    return "gguf" if GGUF in kinds else "safetensors"


def _format_of_file(repo: Repository, wish: Wish, filename: str) -> Format:
    kind: Format = "safetensors" if filename.lower().endswith(SAFETENSORS) else "gguf"
    if not filename.lower().endswith((GGUF, SAFETENSORS)) or (wish.format or kind) != kind:
        wanted = f"a {wish.format}" if wish.format else "a GGUF or safetensors"
        raise _bad(f"{filename[:200]!r} is not {wanted} file", code="wrong_file_kind", param="filename")
    if not any(each.path == filename for each in repo.files):
        raise _bad(
            f"repository {repo.id} has no file {filename[:200]!r}", code="file_not_found", param="filename"
        )
    if wish.policy is not None or wish.quantization is not None:
        raise _bad(
            "give either `filename` or a way to choose it (`gguf_policy`, `quantization`)",
            code="conflicting_fields",
            param="filename",
        )
    return kind


# --- GGUF


def _gguf(repo: Repository) -> Mapping[str, Sequence[RepoFile]]:
    """Name of the first part → all parts, in order. What only goes with a model is left out."""
    groups: dict[tuple[str, str, int], list[RepoFile]] = {}
    for file in sorted((each for each in repo.files if _is(each, GGUF)), key=lambda each: each.path):
        name = parse(Path(file.path))
        if not any(word in PurePosixPath(file.path).name.lower() for word in _NO_MODELS):
            folder = str(PurePosixPath(file.path).parent)
            key = (folder, name.stem, name.parts) if name.part else (file.path, "", 0)
            groups.setdefault(key, []).append(file)
    return {parts[0].path: parts for parts in groups.values()}


def _of_gguf(repo: Repository, groups: Mapping[str, Sequence[RepoFile]], wish: Wish) -> Selection:
    variants = [
        Variant(name=name, size_bytes=sum(each.size_bytes for each in parts))
        for name, parts in groups.items()
    ]
    variant = _variant(repo, variants, groups, wish)
    parts = groups[variant.name]
    count = parse(Path(variant.name)).parts
    if count and len(parts) != count:
        raise _bad(
            f"the repository has {len(parts)} of the {count} parts of {variant.name}",
            code="file_not_found",
            param="filename",
        )
    return Selection(format="gguf", quantization=variant.quantization, files=tuple(parts))


def _variant(
    repo: Repository, variants: Sequence[Variant], groups: Mapping[str, Sequence[RepoFile]], wish: Wish
) -> Variant:
    if wish.filename is not None:
        for each in variants:
            if any(part.path == wish.filename for part in groups[each.name]):
                return each
        raise _bad(
            f"{wish.filename[:200]!r} is not a model but something that goes with one",
            code="wrong_file_kind",
            param="filename",
        )
    if not variants:
        raise _bad(
            f"the GGUF files of repository {repo.id} are no models", code="no_model_files", param="repo"
        )
    if wish.quantization is not None:
        return _quantized(repo, variants, wish.quantization)
    if wish.policy is not None:
        return picked(variants, wish.policy)
    if len(variants) > 1:
        names = ", ".join(each.name for each in variants[:20])
        raise _bad(
            f"repository {repo.id} has several GGUF files: give `filename`, or `gguf_policy` (quality, memory or speed), "
            f"or `quantization`; they are {names}",
            code="choice_required",
            param="filename",
        )
    return variants[0]


def _quantized(repo: Repository, variants: Sequence[Variant], wanted: str) -> Variant:
    upper = wanted.upper()
    found = [each for each in variants if each.quantization.upper() == upper] or [
        each for each in variants if each.label == upper
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise _bad(
            f"several files of repository {repo.id} are {upper}: give one as `filename`",
            code="choice_required",
            param="quantization",
        )
    there = ", ".join(sorted({each.quantization for each in variants if each.quantization}))
    raise _bad(
        f"repository {repo.id} has no GGUF file with quantization {wanted[:64]!r}; it has {there or 'none that says'}",
        code="file_not_found",
        param="quantization",
    )


# --- safetensors


def _safetensors(repo: Repository, wish: Wish) -> Selection:
    if wish.quantization is not None:
        raise _bad("`quantization` is for GGUF files", code="conflicting_fields", param="quantization")
    files = {each.path: each for each in repo.files}
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        raise _bad(
            f"repository {repo.id} has no {' and no '.join(missing)}, which safetensors models need",
            code="incomplete_repository",
            param="repo",
        )
    weights = _weights(repo, files, wish.filename)
    useful = [file for path, file in files.items() if path in _USEFUL]
    return Selection(
        format="safetensors",
        quantization="safetensors",
        files=(*weights, *_index(repo, files, weights), *useful),
    )


def _weights(repo: Repository, files: Mapping[str, RepoFile], filename: str | None) -> list[RepoFile]:
    """The files at the top; of one that is named, all shards."""
    top = [file for path, file in sorted(files.items()) if path.endswith(SAFETENSORS) and "/" not in path]
    if filename is not None:
        wanted = parse(Path(filename))
        return [each for each in top if wanted.part and parse(Path(each.path)).stem == wanted.stem] or [
            files[filename]
        ]
    if "model.safetensors" in files:
        return [files["model.safetensors"]]
    sharded = [each for each in top if parse(Path(each.path)).part]
    if not (sharded or top):
        raise _bad(
            f"the safetensors files of repository {repo.id} are not at its top: give one as `filename`",
            code="choice_required",
            param="filename",
        )
    return sharded or top


def _index(repo: Repository, files: Mapping[str, RepoFile], weights: Sequence[RepoFile]) -> list[RepoFile]:
    if len(weights) == 1:
        return []
    found = [
        files[f"{stem}.safetensors.index.json"]
        for stem in sorted({parse(Path(each.path)).stem for each in weights})
        if f"{stem}.safetensors.index.json" in files
    ]
    if not found:
        raise _bad(
            f"repository {repo.id} has {len(weights)} safetensors files and no .safetensors.index.json that says what is in "
            "which",
            code="incomplete_repository",
            param="repo",
        )
    return found


def _is(file: RepoFile, suffix: str) -> bool:
    return file.path.lower().endswith(suffix)


def _bad(message: str, *, code: str, param: str) -> BadWish:
    return BadWish(message, code=code, param=param)
