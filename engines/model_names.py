"""Model names from file names: readable, stable, and the same on every machine that has the file.

SmolLM2-135M-Instruct.Q4_1.gguf                     smollm2-135m-instruct   Q4_1
Qwen3-32B-UD-Q4_K_XL-00001-of-00002.gguf            qwen3-32b               UD-Q4_K_XL
ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q8_0.gguf gemma-3-1b-it           Q8_0      (llama.cpp's cache)
models--org--Some-Model-GGUF/…/ggml-model-f16.gguf  some-model              F16       (a file name that says nothing)
"""

import re
from dataclasses import dataclass
from pathlib import Path

_PART = re.compile(r"-(?P<number>\d{5})-of-(?P<count>\d{5})$")
_QUANTIZATION = re.compile(
    r"[-._](?P<quantization>(?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|F16|F32|FP16|FP32|MXFP4(?:_MOE)?|NVFP4))$",
    re.IGNORECASE,
)
_LLAMA_CACHE = re.compile(r"^[^_]+_.+-gguf_(?P<file>.+)$", re.IGNORECASE)
_REPOSITORY = re.compile(r"^(?:models--.+?--)?(?P<name>.+?)(?:-gguf)?$", re.IGNORECASE)
_SILENT_NAMES = frozenset({"model", "ggml-model", "gguf-model", "ggml-model-gguf"})
_SILENT_FOLDERS = frozenset({"snapshots", "gguf", "models"})
_COMMIT = re.compile(r"^[0-9a-f]{40}$")
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")

PREFERRED_QUANTIZATION = "Q4_K_M"
_USEFUL_BITS = 4


@dataclass(frozen=True, slots=True)
class FileName:
    """What a model file's name says. `part` is 0 for a file that isn't split."""

    base: str
    quantization: str
    stem: str  # without the part number
    part: int = 0
    parts: int = 0


def parse(path: Path) -> FileName:
    """Take a model file's name apart."""
    stem, part, parts = path.stem, 0, 0
    if split := _PART.search(stem):
        stem, part, parts = stem[: split.start()], int(split["number"]), int(split["count"])
    name = cached["file"] if (cached := _LLAMA_CACHE.match(stem)) else stem
    quantization = ""
    if found := _QUANTIZATION.search(name):
        name, quantization = name[: found.start()], found["quantization"].upper()
    base = readable(name)
    if base in _SILENT_NAMES:
        base = _folder_name(path) or base
    return FileName(base=base or "model", quantization=quantization, stem=stem, part=part, parts=parts)


def readable(text: str) -> str:
    """Lower case, and nothing but letters, digits, dots, dashes and underscores."""
    return _NOT_ALLOWED.sub("-", text.lower()).strip("-._")


def default_order(quantization: str, size_bytes: int, name: str) -> tuple[int, int, str]:
    """Sort key of the quantisations of one model; the first is meant when a client names none.

    Q4_K_M if there is one, else the smallest with at least 4 bits, else the largest.
    """
    if quantization == PREFERRED_QUANTIZATION:
        return 0, 0, name
    bits = re.search(r"\d+", quantization)
    if bits is not None and int(bits[0]) >= _USEFUL_BITS:
        return 1, size_bytes, name
    return 2, -size_bytes, name


def _folder_name(path: Path) -> str:
    """The nearest folder above a file whose name says something."""
    for folder in path.parents:
        if folder.name in _SILENT_FOLDERS or _COMMIT.match(folder.name):
            continue
        match = _REPOSITORY.match(folder.name)
        return readable(match["name"]) if match else ""
    return ""
