"""llama.cpp's own decode calls without anything around them: `python -m bench.raw_decode MODEL THREADS ROUNDS`.

Prints, as JSON, tokens per second for each number of sequences that decode together, a list with one number a round. Each
sequence has cells of its own, where attention is cheapest, so this is what no server can exceed.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from corral.engines.llama.native import Batch, Context, Model, start_backend

SEQUENCES = (1, 16)
_CELLS = 512  # of each sequence
_PROMPT_TOKENS = 64
_STEPS = 64
_FIRST_TOKEN, _END_TOKEN = 100, 10_000  # ordinary ones in any vocabulary


def tokens_per_s(context: Context, count: int, random: np.random.Generator) -> float:
    """Read a prompt in each of `count` sequences, then decode together."""

    def tokens(size: int) -> Any:
        return random.integers(_FIRST_TOKEN, _END_TOKEN, size).astype(np.int32)

    batch = Batch(_PROMPT_TOKENS + count)
    context.clear_memory()
    for sequence in range(count):
        batch.clear()
        batch.add(tokens(_PROMPT_TOKENS), position=0, sequence=sequence)
        context.decode(batch)
    started = time.perf_counter()
    for step in range(_STEPS):
        batch.clear()
        for sequence in range(count):
            batch.add(tokens(1), position=_PROMPT_TOKENS + step, sequence=sequence)
        context.decode(batch)
    return count * _STEPS / (time.perf_counter() - started)


def measure(path: Path, *, threads: int, rounds: int) -> dict[int, list[float]]:
    """One number for each round, by the number of sequences."""
    backend = start_backend(lambda level, text: None)
    model = Model([path], gpu_layers=0, progress=lambda fraction: None)
    params: Any = llama_cpp.llama_context_default_params()
    params.n_threads = params.n_threads_batch = threads
    params.n_seq_max, params.kv_unified = max(SEQUENCES), False
    params.n_ctx, params.no_perf = _CELLS * max(SEQUENCES), True
    context = Context(model, params)
    random = np.random.default_rng(0)
    found: dict[int, list[float]] = {count: [] for count in SEQUENCES}
    for _ in range(rounds):
        for count in SEQUENCES:
            found[count].append(tokens_per_s(context, count, random))
    context.close()
    model.close()
    del backend
    return found


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), threads=int(sys.argv[2]), rounds=int(sys.argv[3]))))
