"""A tiny random llama with a chat template, written in milliseconds: for everything but the sense of the answer."""

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_WIDTH = 64
_LAYERS = 2
_HEADS = 4
_KV_HEADS = 2
_FEED_FORWARD = 128
_SPACE = "\u2581"


def write_llama(
    path: Path, *, context: int = 2048, chat_template: str | None = CHAT_TEMPLATE, infill: bool = False
) -> None:
    """A two-layer llama with bytes as its vocabulary; the same file every time. `infill` names three FIM tokens."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny random llama")
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    words = _add_vocabulary(writer)
    for back, name in enumerate(("pre", "suf", "mid") if infill else (), start=1):
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", words - back)
    writer.add_vocab_size(words)
    writer.add_context_length(context)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tensors(writer, words)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter) -> int:
    """Three specials, 256 bytes, printable ASCII, two chat marks; padded to a multiple of 32."""
    kinds = gguf.TokenType
    entries = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    entries += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    first_letter = len(entries)
    entries += [(_SPACE if code == 32 else chr(code), kinds.NORMAL) for code in range(32, 127)]
    entries += [("<|im_start|>", kinds.CONTROL), ("<|im_end|>", kinds.CONTROL)]
    entries += [(f"<pad{number}>", kinds.UNUSED) for number in range(-len(entries) % 32)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in entries])
    writer.add_token_types([kind for _, kind in entries])
    writer.add_token_scores(
        [
            float(first_letter - number) if kind is kinds.NORMAL else 0.0
            for number, (_, kind) in enumerate(entries)
        ]
    )
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    return len(entries)


def _add_tensors(writer: gguf.GGUFWriter, words: int) -> None:
    random = np.random.default_rng(0)
    ones = np.ones(_WIDTH, np.float32)
    kv_width = _WIDTH // _HEADS * _KV_HEADS

    def matrix(rows: int, columns: int, scale: float | None = None) -> NDArray[np.float32]:
        deviation = np.float32(scale if scale is not None else columns**-0.5)
        return random.standard_normal((rows, columns), np.float32) * deviation

    writer.add_tensor("token_embd.weight", matrix(words, _WIDTH, 1.0))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", matrix(words, _WIDTH))
    for layer in range(_LAYERS):
        prefix = f"blk.{layer}."
        writer.add_tensor(prefix + "attn_norm.weight", ones)
        writer.add_tensor(prefix + "ffn_norm.weight", ones)
        writer.add_tensor(prefix + "attn_q.weight", matrix(_WIDTH, _WIDTH))
        writer.add_tensor(prefix + "attn_k.weight", matrix(kv_width, _WIDTH))
        writer.add_tensor(prefix + "attn_v.weight", matrix(kv_width, _WIDTH))
        writer.add_tensor(prefix + "attn_output.weight", matrix(_WIDTH, _WIDTH))
        writer.add_tensor(prefix + "ffn_gate.weight", matrix(_FEED_FORWARD, _WIDTH))
        writer.add_tensor(prefix + "ffn_up.weight", matrix(_FEED_FORWARD, _WIDTH))
        writer.add_tensor(prefix + "ffn_down.weight", matrix(_WIDTH, _FEED_FORWARD))
