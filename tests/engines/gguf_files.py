"""Small GGUF files with chosen metadata."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

WEIGHTS = 1000  # float32 values in each tensor


def write_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    numbers: dict[str, int] | None = None,
    texts: dict[str, str] | None = None,
    layer_numbers: dict[str, list[int]] | None = None,
    words: list[str] | None = None,
    file_type: int | None = None,
    tensors: int = 2,
) -> Path:
    """A GGUF file; keys of `numbers` and `layer_numbers` get the architecture as their prefix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, architecture)
    for key, number in (numbers or {}).items():
        writer.add_uint32(f"{architecture}.{key}", number)
    for key, several in (layer_numbers or {}).items():
        writer.add_array(f"{architecture}.{key}", several)
    if file_type is not None:
        writer.add_file_type(file_type)
    if words is not None:
        writer.add_token_list(words)
    for key, text in (texts or {}).items():
        writer.add_string(key, text)
    for index in range(tensors):
        writer.add_tensor(f"blk.{index}.weight", np.zeros(WEIGHTS, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_split(folder: Path, stem: str, parts: int) -> list[Path]:
    """A model in several files: the first one has the metadata, all of them tensors."""
    paths = [folder / f"{stem}-{number:05}-of-{parts:05}.gguf" for number in range(1, parts + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        writer = GGUFWriter(path, "llama")
        if number == 0:
            writer.add_context_length(4096)
            writer.add_chat_template("{{ messages }}")
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", parts)
        writer.add_tensor(f"blk.{number}.weight", np.zeros(WEIGHTS, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return paths
