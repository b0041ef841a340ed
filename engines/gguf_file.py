"""From a GGUF model's parts on disk to a ModelFile: what it is, what it can do, what it needs."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from corral.engines.errors import ModelBroken
from corral.engines.gguf_constants import QUANTIZATIONS, Pooling
from corral.engines.gguf_header import GgufHeader, read_header
from corral.engines.model import Capability, ModelFile, ModelName
from corral.engines.model_names import parse

SUFFIX = ".gguf"
_F16_BYTES = 2
_NOT_MODELS = frozenset({"adapter", "imatrix", "mmproj"})  # general.type
_PROJECTOR_ARCHITECTURE = "clip"
_PROJECTOR_NAME = "mmproj"
_ENCODERS = frozenset(  # architectures that only embed, also in files that name no pooling type
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5encoder",
    }
)


def read_model(paths: Sequence[Path], *, size_bytes: int, modified_at: float) -> ModelFile | None:
    """The model in these parts (first part first), with `error` set if it can't be served.

    None if it isn't a model but something that goes with one: a projector, an adapter, an importance matrix.
    """
    first = parse(paths[0])
    file = ModelFile(
        name=ModelName(first.base),
        paths=tuple(paths),
        size_bytes=size_bytes,
        modified_at=modified_at,
        quantization=first.quantization,
    )
    if first.base.startswith(_PROJECTOR_NAME):
        return None
    try:
        headers = [_whole(path) for path in paths]
        _check_parts(paths, headers[0])
    except ModelBroken as error:
        return structs.replace(file, error=error.message)
    except OSError as error:
        return structs.replace(file, error=f"can't be read: {error.strerror}")
    if headers[0].text("general.type") in _NOT_MODELS:
        return None
    if headers[0].text("general.architecture") == _PROJECTOR_ARCHITECTURE:
        return None
    return _described(file, headers)


def kv_bytes_per_token(header: GgufHeader) -> int:
    """f16 KV cache of all layers for one token; an upper bound for models with sliding windows, 0 for encoders."""
    arch = header.text("general.architecture")
    if arch in _ENCODERS:
        return 0
    layers = header.number(f"{arch}.block_count")
    heads = header.metadata.get(f"{arch}.attention.head_count", 0)
    kv_heads = header.metadata.get(f"{arch}.attention.head_count_kv", heads)
    most_heads = max(heads, default=0) if isinstance(heads, tuple) else heads
    per_head = (
        header.number(f"{arch}.embedding_length") // most_heads
        if isinstance(most_heads, int) and most_heads
        else 0
    )
    key = header.number(f"{arch}.attention.key_length") or per_head
    value = header.number(f"{arch}.attention.value_length") or per_head
    if isinstance(kv_heads, tuple):
        return int(sum(kv_heads[:layers])) * (key + value) * _F16_BYTES
    return layers * kv_heads * (key + value) * _F16_BYTES if isinstance(kv_heads, int) else 0


def capabilities(header: GgufHeader) -> frozenset[Capability]:
    """What a model with this header can be asked for."""
    arch = header.text("general.architecture")
    pooling = header.number(f"{arch}.pooling_type")
    if pooling == Pooling.RANK:
        return frozenset({Capability.RERANK})
    if pooling != Pooling.NONE or arch in _ENCODERS:
        return frozenset({Capability.EMBEDDINGS})
    if header.text("tokenizer.chat_template"):
        return frozenset({Capability.CHAT, Capability.COMPLETION})
    return frozenset({Capability.COMPLETION})


def _whole(path: Path) -> GgufHeader:
    """Raises ModelBroken if the file ends before its last tensor does."""
    header = read_header(path)
    size = path.stat().st_size
    if size < header.end:
        message = (
            f"incomplete: {size} of {header.end} bytes; download it again if nothing is downloading it now"
        )
        raise ModelBroken(message)
    return header


def _check_parts(paths: Sequence[Path], first: GgufHeader) -> None:
    count = max(first.number("split.count"), parse(paths[0]).parts, 1)
    present = {parse(path).part for path in paths}
    missing = [number for number in range(1, count + 1) if number not in present]
    if count > 1 and missing:
        listed = ", ".join(str(number) for number in missing[:5])
        raise ModelBroken(f"incomplete: part {listed} of {count} is missing")


def _described(file: ModelFile, headers: Sequence[GgufHeader]) -> ModelFile:
    header = headers[0]
    arch = header.text("general.architecture")
    if not arch:
        return structs.replace(file, error="a GGUF file without a model: it names no architecture")
    if not any(each.tensor_count for each in headers):
        return structs.replace(file, error="a GGUF file without weights: it holds a vocabulary only")
    return structs.replace(
        file,
        architecture=arch,
        quantization=file.quantization or _quantization(header),
        context_length=header.number(f"{arch}.context_length"),
        layers=header.number(f"{arch}.block_count"),
        kv_bytes_per_token=kv_bytes_per_token(header),
        capabilities=capabilities(header),
    )


def _quantization(header: GgufHeader) -> str:
    if "general.file_type" not in header.metadata:
        return ""
    return QUANTIZATIONS.get(header.number("general.file_type"), "")
