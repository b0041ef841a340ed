"""What a runtime's `GET /v1/models` says: OpenAI's list, with what xLLM and llama-server add to it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from corral.app.gateway.endpoint import ServedModel
from corral.app.runtimes.heartbeat import Heartbeat
from corral.app.upstream.server import ServerKind
from corral.engines.model import Capability

MOST_MODELS = 1000
_MOST_NAME = 300
_FLAGS = {  # in Azure's and Corral's object of true and false
    "chat_completion": Capability.CHAT,
    "completion": Capability.COMPLETION,
    "embeddings": Capability.EMBEDDINGS,
    "rerank": Capability.RERANK,
    "text_to_speech": Capability.TEXT_TO_SPEECH,
    "speech_to_text": Capability.SPEECH_TO_TEXT,
    "image_generation": Capability.IMAGE_GENERATION,
    "image_understanding": Capability.VISION,
}
_TEXT = frozenset({Capability.CHAT, Capability.COMPLETION})
_WORDS = {  # in llama-server's list
    "completion": _TEXT,
    "embedding": frozenset({Capability.EMBEDDINGS}),
    "multimodal": _TEXT | {Capability.VISION},
}


class BadModelList(ValueError):
    """What came is no list of models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Each model once. `ids`: every name that means one, in lower case → what the runtime calls it."""

    kind: ServerKind = ServerKind.XLLM
    models: Sequence[ServedModel] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


NOTHING = Listing()


def listed(answer: bytes) -> Listing:
    """The models of an answer. Raises BadModelList."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise BadModelList("it is no JSON") from error
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise BadModelList("it has no list `data`")
    words = _words_of(document.get("models"))
    found: dict[str, ServedModel] = {}
    kind = ServerKind.XLLM
    for entry in entries[:MOST_MODELS]:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and 0 < len(name) <= _MOST_NAME:
            found.setdefault(name, _model(name, entry, words.get(name)))
            kind = ServerKind.LLAMA_CPP if entry.get("owned_by") == "llamacpp" else kind
    return Listing(kind=kind, models=tuple(found.values()), ids={name.lower(): name for name in found})


def with_heartbeat(listing: Listing, beat: Heartbeat | None) -> Listing:
    """The same with what a heartbeat says: which are loaded, and which of those are for embeddings."""
    if beat is None:
        return listing
    loaded, embedding = (
        frozenset(listing.ids.get(name.lower()) for name in names)
        for names in (beat.loaded, beat.loaded_embedding_models)
    )
    models = tuple(
        replace(
            model,
            ready=model.ready or model.id in loaded,
            capabilities=frozenset({Capability.EMBEDDINGS}) if model.id in embedding else model.capabilities,
        )
        for model in listing.models
    )
    return replace(listing, models=models)


def _model(name: str, entry: Mapping[str, Any], words: frozenset[str] | None) -> ServedModel:
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    llama_cpp = entry.get("owned_by") == "llamacpp"
    capabilities = _flagged(entry.get("capabilities")) or words or _TEXT
    ready = entry.get("ready")
    return ServedModel(
        id=name,
        created=_whole(entry.get("created")),
        capabilities=capabilities,
        ready=ready if isinstance(ready, bool) else llama_cpp,
        lifecycle_status="registered",
        context_length=_whole(entry.get("context_length")) or _whole(meta.get("n_ctx_train")),
        size_bytes=_whole(entry.get("size_bytes")) or _whole(meta.get("size")),
        quantization=str(entry.get("quantization") or "")[:32],
    )


def _flagged(flags: object) -> frozenset[str]:
    if not isinstance(flags, dict):
        return frozenset()
    return frozenset(capability for flag, capability in _FLAGS.items() if flags.get(flag) is True)


def _words_of(models: object) -> dict[str, frozenset[str]]:
    """By name, what llama-server's second list says its models are for."""
    found: dict[str, frozenset[str]] = {}
    for entry in models if isinstance(models, list) else ():
        words = entry.get("capabilities") if isinstance(entry, dict) else None
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(words, list) and isinstance(name, str):
            known = [_WORDS[word] for word in words if isinstance(word, str) and word in _WORDS]
            if known:
                found[name] = frozenset[str]().union(*known)
    return found


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
