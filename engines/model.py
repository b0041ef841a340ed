"""A model on this machine: what its file says, and what is going on with it."""

from enum import StrEnum
from pathlib import Path
from typing import NewType

import msgspec

ModelName = NewType("ModelName", str)  # readable and stable, e.g. "smollm2-135m-instruct:Q4_1"


class Capability(StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDINGS = "embeddings"
    RERANK = "rerank"
    VISION = "vision"
    SPEECH_TO_TEXT = "speech_to_text"
    TEXT_TO_SPEECH = "text_to_speech"
    IMAGE_GENERATION = "image_generation"


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One servable model as found on disk, read from its header only. A split model lists all its parts."""

    name: ModelName
    paths: tuple[Path, ...]  # first part first
    size_bytes: int
    modified_at: float  # Unix time, seconds
    format: str = "gguf"
    architecture: str = ""
    quantization: str = ""  # e.g. "Q4_1"; empty when unknown
    repository: str = ""  # ORG/MODEL, of files that came from a hub: the name that their folder gives them
    context_length: int = 0  # tokens the model was trained for
    capabilities: frozenset[Capability] = frozenset()
    layers: int = 0
    kv_bytes_per_token: int = 0  # f16 KV cache of all layers, for one token
    error: str | None = None  # why it can't be served: truncated, foreign, unreadable


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to load a model. None means: let the engine choose (fit.py)."""

    context_length: int | None = None  # tokens per sequence
    cache_tokens: int | None = None  # KV cells shared by all sequences
    max_sequences: int | None = None  # sequences that generate at the same time
    batch_tokens: int | None = None  # tokens per decode call
    threads: int | None = None
    gpu_layers: int | None = None
    flash_attention: bool | None = None
    memory_bytes: int | None = None  # most that weights and cache may take; sizes nobody chose shrink to it


class LoadedInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a loaded model really uses, after every choice was made; shown to people."""

    capabilities: frozenset[Capability]
    context_length: int
    cache_tokens: int
    max_sequences: int
    batch_tokens: int
    threads: int
    gpu_layers: int
    flash_attention: bool
    vocabulary_size: int
    gpu_memory_bytes: int = 0  # of the cards' own memory
    description: str = ""  # the engine's own words, e.g. "llama 135M Q4_1"


class LiveNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded model's load right now."""

    active: int = 0  # sequences being read or generated
    queued: int = 0  # requests that wait for a place
    tokens_per_s: float = 0.0  # generated, all sequences together, over the last seconds
    cached_tokens: int = 0  # tokens of finished sequences kept for reuse
    steps: int = 0  # decode calls so far
    step_native_s: float = 0.0  # time of all steps spent in native code
    step_python_s: float = 0.0  # time of all steps spent elsewhere
    longest_gap_s: float = 0.0  # longest time between two tokens of one sequence so far


class Lifecycle(StrEnum):
    """Where a model is on its way to serving."""

    ON_DISK = "on_disk"
    LOADING = "loading"
    LOADED = "loaded"
    ERROR = "error"


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A model with what is going on with it; the pool's answer to "what do you have?"."""

    file: ModelFile
    lifecycle: Lifecycle
    progress: float = 0.0  # 0..1 while loading
    error: str | None = None
    loaded: LoadedInfo | None = None
    live: LiveNumbers = LiveNumbers()
    memory_bytes: int = 0  # resident main memory of its worker process
    idle_s: float | None = None  # None while busy or not loaded
    output_tail: str = (
        ""  # the last lines that its worker process printed, kept after a crash; may hold paths
    )
