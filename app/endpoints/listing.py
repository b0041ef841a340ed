"""The models in the lists that servers give, each kind in its own words. Pure.

Facts about a model come from what its server says where it says it, else from the model's name (`abilities`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from msgspec import structs

from corral.app.endpoints import answers as paths
from corral.app.endpoints.abilities import EMBEDDINGS, SEEING, TEXT, abilities_by_name
from corral.app.endpoints.answers import Answers
from corral.app.endpoints.offered import Offered, is_name, known_abilities
from corral.app.gateway.models import CAPABILITY_NAMES
from corral.app.upstream.server import ServerKind
from corral.engines.model import Capability
from corral.engines.model_names import parse

Json = Mapping[str, Any]

_LM_STUDIO_TYPES: Final = {"llm": TEXT, "vlm": SEEING, "embeddings": EMBEDDINGS, "embedding": EMBEDDINGS}
_OLLAMA_WORDS: Final = {
    "completion": TEXT,
    "vision": frozenset({Capability.VISION}),
    "embedding": EMBEDDINGS,
    "reranking": frozenset({Capability.RERANK}),
    "image": frozenset({Capability.IMAGE_GENERATION}),
}
_LENGTHS: Final = (
    "context_length",
    "max_model_len",
    "max_context_length",
    "context_window",
    "max_input_tokens",
)


def listed_models(found: Answers, kind: ServerKind) -> list[Offered] | None:
    """None if there is no list. Models whose names can't be used here are left out."""
    if kind is ServerKind.LM_STUDIO:
        models = _read(found, paths.LM_STUDIO_MODELS, "data", _lm_studio)
        ready = _read(found, paths.MODELS, "data", _openai)
        if models is not None and ready is not None:  # without loading on demand that has loaded ones only
            ids = {each.id for each in ready}
            return [each for each in models if each.id in ids]
        if models is not None:
            return models
    if kind is ServerKind.OLLAMA:
        models = _read(found, paths.OLLAMA_TAGS, "models", _ollama)
        if models is not None:
            return models
    reader = {ServerKind.LLAMA_CPP: _llama_cpp, ServerKind.VLLM: _vllm}.get(kind, _openai)
    models = _read(found, paths.MODELS, "data", reader)
    return _read(found, paths.OLLAMA_TAGS, "models", _ollama) if models is None else models


def digest_of(found: Answers, id: str) -> str | None:
    """What Ollama's list says of a model's content: the same as long as the model is."""
    for model in found.listed(paths.OLLAMA_TAGS, "models") or ():
        if _id(model) == id:
            return _text(model, "digest") or None
    return None


def told_more(model: Offered, shown: Json) -> Offered:
    """An Ollama model with what POST /api/show says of it: what it can do, its length, which file it is."""
    info = shown.get("model_info")
    lengths = [
        value
        for name, value in (info.items() if isinstance(info, dict) else ())
        if name.endswith(".context_length") and isinstance(value, int)
    ]
    words = shown.get("capabilities")
    abilities = known_abilities(words, _OLLAMA_WORDS) if isinstance(words, list) else frozenset()
    return structs.replace(
        model,
        abilities=abilities or model.abilities,
        context_length=lengths[0] if lengths else model.context_length,
        file_id=_blob(_text(shown, "modelfile")) or model.file_id,
    )


def _read(found: Answers, path: str, name: str, read: Callable[[Json], Offered]) -> list[Offered] | None:
    models = found.listed(path, name)
    return None if models is None else [read(each) for each in models if is_name(_id(each))]


def _openai(model: Json) -> Offered:
    id = _id(model)
    said = model.get("capabilities")  # a machine of another cluster of this program says it in full
    own = (
        frozenset(able.value for name, able in CAPABILITY_NAMES.items() if said.get(name) is True)
        if isinstance(said, dict)
        else frozenset()
    )
    return Offered(
        id=id,
        name=id,
        abilities=own or _by_name(id),
        context_length=next((length for name in _LENGTHS if (length := _number(model, name))), 0),
        size_bytes=_number(model, "size_bytes"),
        quantization=_text(model, "quantization"),
        created=_number(model, "created"),
    )


def _vllm(model: Json) -> Offered:
    plain = _openai(model)
    root = _text(model, "root")
    return structs.replace(
        plain,
        abilities=plain.abilities if plain.abilities != TEXT else _by_name(root or plain.id),
        file_id=f"vllm:{root}" if root else "",
        continues=True,
    )


def _llama_cpp(model: Json) -> Offered:
    """Without an alias llama-server calls a model by its file's path: here it is called as this program would call the file."""
    id = _id(model)
    meta = model["meta"] if isinstance(model.get("meta"), dict) else {}
    quantization = _text(meta, "ftype")
    name, also = id, [""]
    if id.lower().endswith(".gguf"):
        file = parse(Path(PureWindowsPath(id).as_posix()))
        name, also = file.base, [f"{file.base}:{file.quantization}" if file.quantization else "", file.stem]
        quantization = file.quantization or quantization
    size, parameters = _number(meta, "size"), _number(meta, "n_params")
    return Offered(
        id=id,
        name=name,
        also=tuple(each for each in also if each),
        abilities=_by_name(name) | ({Capability.VISION.value} if _sees(model) else frozenset()),
        context_length=_number(meta, "n_ctx") or _number(meta, "n_ctx_train"),
        size_bytes=size,
        quantization=quantization,
        file_id=f"llama.cpp:{name}:{size}:{parameters}:{quantization}" if size and parameters else "",
        created=_number(model, "created"),
        continues=True,
    )


def _lm_studio(model: Json) -> Offered:
    id = _id(model)
    return Offered(
        id=id,
        name=id,
        abilities=known_abilities([model.get("type")], _LM_STUDIO_TYPES) or _by_name(id),
        context_length=_number(model, "loaded_context_length") or _number(model, "max_context_length"),
        quantization=_text(model, "quantization"),
    )


def _ollama(model: Json) -> Offered:
    id = _id(model)
    details = model["details"] if isinstance(model.get("details"), dict) else {}
    digest = _text(model, "digest")
    return Offered(
        id=id,
        name=id,
        abilities=_by_name(id),
        size_bytes=_number(model, "size"),
        quantization=_text(details, "quantization_level"),
        file_id=f"ollama:{digest}" if digest else "",
    )


def _id(model: Json) -> str:
    found = model.get("id") or model.get("model") or model.get("name")
    return found if isinstance(found, str) else ""


def _by_name(name: str) -> frozenset[str]:
    return frozenset(able.value for able in abilities_by_name(name))


def _sees(model: Json) -> bool:
    architecture = model.get("architecture")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    return isinstance(inputs, list) and "image" in inputs


def _blob(modelfile: str) -> str:
    """The checksum of the file in a Modelfile's line `FROM /…/blobs/sha256-…`."""
    for line in modelfile.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].upper() == "FROM" and "sha256-" in words[1]:
            return f"sha256:{words[1].rpartition('sha256-')[2][:64]}"
    return ""


def _number(model: Json, name: str) -> int:
    value = model.get(name)
    return (
        int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
        else 0
    )


def _text(model: Json, name: str) -> str:
    value = model.get(name)
    return value[:200_000] if isinstance(value, str) else ""
