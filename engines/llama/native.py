"""The thin layer over llama.cpp's C API (include/llama.h, through llama-cpp-python's low-level bindings).

Everything here is one or a few C calls; decisions live elsewhere. Not thread-safe unless a method says so.
"""

import ctypes
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from corral.engines.errors import InsufficientMemory, InvalidRequest, ModelBroken

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

_LOG_LEVELS = {
    1: "debug",
    2: "info",
    3: "warning",
    4: "error",
}  # enum ggml_log_level; 5 continues the last line


@cache  # the library calls back as long as the process lives, also when the model that came first is gone
def start_backend(log: Callable[[str, str], None]) -> object:
    """Initialise the library, once per process; `log(level, text)` gets its messages. Returns what it calls."""
    last = "info"

    def forward(level: int, text: bytes, _: object) -> None:
        nonlocal last
        last = _LOG_LEVELS.get(level, last)
        log(last, text.decode("utf-8", "replace"))

    callback: object = llama_cpp.llama_log_callback(forward)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return callback


class Model:
    """A model's weights and vocabulary. Tokenising is thread-safe: the vocabulary never changes."""

    def __init__(self, paths: Sequence[Path], *, gpu_layers: int, progress: Callable[[float], None]) -> None:
        """Raises ModelBroken if llama.cpp refuses the file. Without layers on cards they are left alone altogether."""

        def report(fraction: float, _: object) -> bool:
            progress(fraction)
            return True

        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        no_cards = (ctypes.c_void_p * 1)()  # a list of devices that ends at once
        if gpu_layers == 0:
            params.devices = ctypes.addressof(no_cards)
        params.progress_callback = llama_cpp.llama_progress_callback(report)
        self.handle = llama_cpp.llama_model_load_from_file(str(paths[0]).encode(), params)
        if not self.handle:
            raise ModelBroken(
                "llama.cpp can't load this file; the node's log says why. Fetch the file again or another quantisation."
            )
        self.vocab: Any = llama_cpp.llama_model_get_vocab(self.handle)
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self.vocab))
        self.trained_context = int(llama_cpp.llama_model_n_ctx_train(self.handle))
        self.embedding_size = int(llama_cpp.llama_model_n_embd_out(self.handle))
        self.layers = int(llama_cpp.llama_model_n_layer(self.handle))
        self.sliding_window = int(llama_cpp.llama_model_n_swa(self.handle))
        self.recurrent = bool(
            llama_cpp.llama_model_is_recurrent(self.handle) or llama_cpp.llama_model_is_hybrid(self.handle)
        )
        self.has_encoder = bool(llama_cpp.llama_model_has_encoder(self.handle))
        self.bos = int(llama_cpp.llama_vocab_bos(self.vocab))
        self.eos = int(llama_cpp.llama_vocab_eos(self.vocab))
        self.separator = int(llama_cpp.llama_vocab_sep(self.vocab))
        if self.eos < 0:
            self.eos = self.separator
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))
        self.adds_eos = bool(llama_cpp.llama_vocab_get_add_eos(self.vocab))
        self.adds_separator = bool(llama_cpp.llama_vocab_get_add_sep(self.vocab))
        self.fim = tuple(
            int(get(self.vocab))
            for get in (
                llama_cpp.llama_vocab_fim_pre,
                llama_cpp.llama_vocab_fim_suf,
                llama_cpp.llama_vocab_fim_mid,
            )
        )

    def close(self) -> None:
        llama_cpp.llama_model_free(self.handle)

    @property
    def description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self.handle, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    @property
    def chat_template(self) -> str | None:
        return self._template(None)

    @property
    def rerank_template(self) -> str | None:
        """Text with `{query}` and `{document}` in it, for models that bring one."""
        return self._template(b"rerank")

    def _template(self, name: bytes | None) -> str | None:
        source = llama_cpp.llama_model_chat_template(self.handle, name)
        return source.decode("utf-8", "replace") if source else None

    def metadata(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(4096)
        size = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if size >= 0 else None

    def classifier_outputs(self) -> int:
        return int(llama_cpp.llama_model_n_cls_out(self.handle))

    def tokenize(self, text: str | bytes, *, add_special: bool, parse_special: bool) -> list[int]:
        """Token ids of `text`. With `parse_special`, control tokens written in the text become those tokens."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        room = len(data) + 16
        tokens = (ctypes.c_int32 * room)()
        count = llama_cpp.llama_tokenize(
            self.vocab, data, len(data), tokens, room, add_special, parse_special
        )
        if count < 0:  # -count is the room that is needed
            room = -count
            tokens = (ctypes.c_int32 * room)()
            count = llama_cpp.llama_tokenize(
                self.vocab, data, len(data), tokens, room, add_special, parse_special
            )
        if count < 0:
            raise InvalidRequest("the text is too long to be tokenised")
        return tokens[:count]

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes a token stands for; a control token is empty unless `special`."""
        buffer = ctypes.create_string_buffer(128)
        size = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, special)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, special)
        return buffer.raw[:size]

    def is_end(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def is_control(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_control(self.vocab, token))

    def end_tokens(self) -> frozenset[int]:
        return frozenset(token for token in range(self.vocabulary_size) if self.is_end(token))


class Batch:
    """Tokens for one decode call, in numpy arrays that llama.cpp reads directly."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._counts = np.ones(capacity, np.int32)
        self._sequences = np.zeros(capacity, np.int32)
        self._outputs = np.zeros(capacity, np.int8)
        start = self._sequences.ctypes.data
        self._sequence_pointers = np.arange(start, start + 4 * capacity, 4, dtype=np.uintp)
        make_batch: Any = llama_cpp.llama_batch  # its annotations say arrays, its fields are pointers
        self.native = make_batch()
        int32 = ctypes.POINTER(ctypes.c_int32)
        self.native.token = self._tokens.ctypes.data_as(int32)
        self.native.pos = self._positions.ctypes.data_as(int32)
        self.native.n_seq_id = self._counts.ctypes.data_as(int32)
        self.native.seq_id = self._sequence_pointers.ctypes.data_as(ctypes.POINTER(int32))
        self.native.logits = self._outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))

    def clear(self) -> None:
        self.size = 0

    def add(self, tokens: Ints, *, position: int, sequence: int, outputs: str = "last") -> int:
        """Append tokens of one sequence from `position` on; returns the index of the last.

        `outputs`: which tokens' results are wanted, "none", "last" or "all".
        """
        start, end = self.size, self.size + len(tokens)
        self._tokens[start:end] = tokens
        self._positions[start:end] = np.arange(position, position + len(tokens))
        self._sequences[start:end] = sequence
        self._outputs[start:end] = outputs == "all"
        self._outputs[end - 1] = outputs != "none"
        self.size = end
        return end - 1


class Context:
    """A model's working memory: KV cache and compute buffers for up to `sequences` sequences."""

    def __init__(self, model: Model, params: Any) -> None:
        """`params` is a filled `llama_context_params`. Raises InsufficientMemory."""
        self.handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self.handle:
            raise InsufficientMemory(
                "llama.cpp couldn't allocate this model's context: lower context_length or max_sequences in its settings"
            )
        self._model = model
        self._memory = llama_cpp.llama_get_memory(self.handle)
        self._logits_shape = (model.vocabulary_size,)

    def close(self) -> None:
        llama_cpp.llama_free(self.handle)

    def decode(self, batch: Batch) -> bool:
        """Evaluate a batch and wait for it. False: no room in the KV cache, nothing changed. Raises RuntimeError."""
        batch.native.n_tokens = batch.size
        code = llama_cpp.llama_decode(self.handle, batch.native)
        if code == 1:
            return False
        if code != 0:
            raise RuntimeError(f"llama_decode failed with code {code}")
        llama_cpp.llama_synchronize(self.handle)
        return True

    def encode(self, batch: Batch) -> None:
        """Evaluate a batch without a KV cache (encoder models). Raises RuntimeError."""
        batch.native.n_tokens = batch.size
        code = llama_cpp.llama_encode(self.handle, batch.native)
        if code != 0:
            raise RuntimeError(f"llama_encode failed with code {code}")
        llama_cpp.llama_synchronize(self.handle)

    def logits(self, index: int) -> Floats:
        """The logits of batch token `index`, shape (vocabulary,): a writable view, valid until the next decode."""
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.handle, index), self._logits_shape)

    def pooled(self, sequence: int, size: int) -> Floats:
        """A copy of the pooled output of a sequence, shape (size,)."""
        pointer = llama_cpp.llama_get_embeddings_seq(self.handle, sequence)
        if not pointer:
            raise RuntimeError("llama.cpp gave no pooled output")
        return np.array(np.ctypeslib.as_array(pointer, (size,)), copy=True)

    def clear_memory(self) -> None:
        """Forget every sequence. What is in the cells stays there unseen: overwriting all of them takes long."""
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, False)

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Drop a sequence's KV from position `start` on. False: the model can't (recurrent state), nothing changed."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def copy(self, source: int, target: int) -> None:
        """Give sequence `target` all of `source`'s KV: metadata only in a unified cache, a buffer copy otherwise."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def save(self, sequence: int) -> Bytes:
        """A copy of a sequence's KV, for `restore`; empty if llama.cpp can't give it."""
        state = np.empty(llama_cpp.llama_state_seq_get_size(self.handle, sequence), np.uint8)
        written = llama_cpp.llama_state_seq_get_data(self.handle, _bytes_at(state), len(state), sequence)
        return state[:written]

    def restore(self, sequence: int, state: Bytes) -> bool:
        """Give an empty sequence the KV that `save` copied. False: no room in the KV cache, the sequence is empty."""
        return bool(llama_cpp.llama_state_seq_set_data(self.handle, _bytes_at(state), len(state), sequence))

    def first_position(self, sequence: int) -> int:
        """The lowest position whose KV is still there; above 0 once a sliding window has moved on; -1 if none."""
        return int(llama_cpp.llama_memory_seq_pos_min(self._memory, sequence))


def _bytes_at(state: Bytes) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def as_tokens(ids: Iterable[int]) -> Ints:
    """Token ids as the array that batches and prefix search work on."""
    return np.fromiter(ids, np.int32)
