"""Models on this machine as the gateway and `/v1/models` show them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.gateway.endpoint import ServedModel
from corral.engines.model import Capability, Lifecycle, ModelStatus

_LIFECYCLE = {
    Lifecycle.ON_DISK: "registered",
    Lifecycle.LOADING: "caching",
    Lifecycle.LOADED: "registered",
    Lifecycle.ERROR: "error",
}
NOBODY = ""  # instead of a node's name
CAPABILITY_NAMES = {
    "chat_completion": Capability.CHAT,
    "completion": Capability.COMPLETION,
    "embeddings": Capability.EMBEDDINGS,
    "rerank": Capability.RERANK,
    "text_to_speech": Capability.TEXT_TO_SPEECH,
    "speech_to_text": Capability.SPEECH_TO_TEXT,
    "image_generation": Capability.IMAGE_GENERATION,
    "image_understanding": Capability.VISION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A model on its way to a machine."""

    bytes_downloaded: int
    bytes_total: int
    error: str | None = None  # it came to nothing

    @property
    def percent(self) -> float:
        """With one decimal; 100 only when all is there."""
        return int(1000 * self.bytes_downloaded / self.bytes_total) / 10 if self.bytes_total else 0.0

    def document(self) -> dict[str, Any]:
        """As /v1/models shows it."""
        return {
            "percent": self.percent,
            "bytes_downloaded": self.bytes_downloaded,
            "bytes_total": self.bytes_total,
            "error": self.error,
        }


def served_model(status: ModelStatus, *, file_sum: str = "") -> ServedModel:
    """One model of this machine or a peer."""
    file, loaded = status.file, status.loaded
    capabilities = file.capabilities if loaded is None else loaded.capabilities
    return ServedModel(
        id=file.name,
        created=int(file.modified_at),
        capabilities=frozenset(capabilities),
        ready=status.lifecycle is Lifecycle.LOADED,
        lifecycle_status=_LIFECYCLE[status.lifecycle],
        context_length=file.context_length if loaded is None else loaded.context_length,
        size_bytes=file.size_bytes,
        quantization=file.quantization,
        error=status.error or file.error,
        file_id=f"corral:{file_sum}" if file_sum else None,
        continues=True,
    )


def model_document(found: Mapping[str, ServedModel], download: Download | None = None) -> dict[str, Any]:
    """One entry of GET /v1/models; `found`: node name → the model as that node has it, not empty. NOBODY: as it will be."""
    best = max(found.values(), key=lambda model: (model.ready, model.error is None))
    on_its_way = download is not None and download.error is None
    return {
        "id": best.id,
        "object": "model",
        "created": best.created,
        "owned_by": "corral",
        "capabilities": _capabilities(best.capabilities),
        "ready": best.ready,
        "lifecycle_status": "caching" if on_its_way else best.lifecycle_status,
        "download_progress": None if download is None else download.document(),
        "context_length": best.context_length,
        "size_bytes": best.size_bytes,
        "quantization": best.quantization,
        "nodes": sorted(node for node in found if node != NOBODY),
        "error": best.error,
    }


def download_of(coming: Mapping[str, Download], found: Mapping[str, ServedModel]) -> Download | None:
    """How a model comes; what is `coming` stands under the name that it has, perhaps with its quantisation."""
    for model in found.values():
        for name in (model.id, f"{model.id}:{model.quantization}"):
            if (download := coming.get(name.lower())) is not None:
                return download
    return None


def merged(models: Iterable[tuple[str, Sequence[ServedModel]]]) -> dict[str, dict[str, ServedModel]]:
    """Model id → node name → the model; each id once, whoever has it and whatever the case of its letters there."""
    ids: dict[str, str] = {}
    by_id: dict[str, dict[str, ServedModel]] = {}
    for node, served in models:
        for model in served:
            id = ids.setdefault(model.id.lower(), model.id)
            by_id.setdefault(id, {})[node] = model
    return by_id


def _capabilities(able: frozenset[str]) -> dict[str, bool]:
    named = {name: capability in able for name, capability in CAPABILITY_NAMES.items()}
    return {**named, "fine_tune": False, "inference": bool(able)}
