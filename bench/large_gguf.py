"""A model file with the shapes of a Llama of 8 billion parameters and random weights: as fast and as large as a real one.

What it says means nothing. Its words are those of another model's file, whose tokenizer it takes over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

_BLOCK, _BLOCK_BYTES = 32, 18  # Q4_0: a scale in half precision and 32 numbers of four bits
_FILE_TYPE_Q4_0 = 2
_LARGEST_BYTES = 2**27  # of a tensor, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Llama 3.1 8B, unless said otherwise."""

    layers: int = 32
    width: int = 4096
    feed_forward: int = 14336
    heads: int = 32
    kv_heads: int = 8
    context: int = 32768


def write_large(path: Path, words_of: Path, shape: Shape = Shape()) -> Path:
    """Write it to `path`, with the tokenizer of the model at `words_of`."""
    words = GGUFReader(words_of)
    tokens = len(words.fields["tokenizer.ggml.tokens"].data)
    writer = GGUFWriter(path, "llama")
    writer.add_name("random weights")
    writer.add_file_type(_FILE_TYPE_Q4_0)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(500_000.0)
    writer.add_vocab_size(tokens)
    for name, field in words.fields.items():
        if name.startswith("tokenizer."):
            kinds: list[GGUFValueType] = field.types
            writer.add_key_value(name, field.contents(), kinds[0], kinds[1] if len(kinds) > 1 else None)
    noise = _noise()
    for name, rows, columns in _tensors(shape, tokens):
        if rows == 1:
            writer.add_tensor(name, np.ones(columns, np.float32))
        else:
            length = rows * columns // _BLOCK * _BLOCK_BYTES
            data = noise[:length].reshape(rows, -1)
            writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(shape: Shape, tokens: int) -> Iterator[tuple[str, int, int]]:
    """(name, rows, columns); norms have one row."""
    keys = shape.width // shape.heads * shape.kv_heads
    yield "token_embd.weight", tokens, shape.width
    yield "output_norm.weight", 1, shape.width
    yield "output.weight", tokens, shape.width
    for number in range(shape.layers):
        for name, rows, columns in (
            ("attn_norm", 1, shape.width),
            ("attn_q", shape.width, shape.width),
            ("attn_k", keys, shape.width),
            ("attn_v", keys, shape.width),
            ("attn_output", shape.width, shape.width),
            ("ffn_norm", 1, shape.width),
            ("ffn_gate", shape.feed_forward, shape.width),
            ("ffn_up", shape.feed_forward, shape.width),
            ("ffn_down", shape.width, shape.feed_forward),
        ):
            yield f"blk.{number}.{name}.weight", rows, columns


def _noise() -> npt.NDArray[np.uint8]:
    """Blocks of Q4_0 for the largest tensor; the others are its beginning."""
    chance = np.random.default_rng(1)
    blocks = chance.integers(0, 256, (_LARGEST_BYTES // _BLOCK_BYTES, _BLOCK_BYTES), dtype=np.uint8)
    scale: Any = np.array([0.003], np.float16)  # weights of about ± 1 / sqrt(width)
    blocks[:, :2] = scale.view(np.uint8)
    return blocks.reshape(-1)
