"""How one sequence draws its tokens: llama.cpp's sampler chain, with a numpy short cut for plain greedy decoding."""

import secrets
from typing import Any

import llama_cpp
import numpy as np

from corral.engines.llama.native import Context, Floats, Ints, Model
from corral.engines.requests import Sampling


class Sampler:
    """One sequence's sampler chain. Close it when the sequence ends: it holds native memory."""

    def __init__(self, sampling: Sampling, *, model: Model, prompt: Ints, choice: int = 0) -> None:
        """`choice` varies a fixed seed, so that the choices of one request differ."""
        self._chain: Any = (
            None if _is_plain_greedy(sampling) else _build_chain(sampling, model, prompt, choice)
        )

    def pick(self, context: Context, index: int, logits: Floats) -> int:
        """The next token after batch token `index`; `logits` are that token's, with any mask already applied."""
        if self._chain is None:
            return int(np.argmax(logits))
        return int(llama_cpp.llama_sampler_sample(self._chain, context.handle, index))

    def close(self) -> None:
        if self._chain is not None:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None


def _is_plain_greedy(sampling: Sampling) -> bool:
    return sampling.temperature == 0 and not sampling.logit_bias and not _penalises(sampling)


def _penalises(sampling: Sampling) -> bool:
    return (sampling.repeat_penalty, sampling.presence_penalty, sampling.frequency_penalty) != (1.0, 0.0, 0.0)


def _build_chain(sampling: Sampling, model: Model, prompt: Ints, choice: int) -> Any:
    """Order as in llama.cpp: bias, penalties, then the filters from coarse to fine, temperature, draw."""
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())

    def add(part: Any) -> None:
        llama_cpp.llama_sampler_chain_add(chain, part)

    size = model.vocabulary_size
    biases = [(token, bias) for token, bias in sampling.logit_bias.items() if 0 <= token < size]
    if biases:
        array = (llama_cpp.llama_logit_bias * len(biases))(
            *(llama_cpp.llama_logit_bias(*bias) for bias in biases)
        )
        add(llama_cpp.llama_sampler_init_logit_bias(size, len(biases), array))
    for part in _penalties(sampling, model, prompt):
        add(part)
    if sampling.temperature == 0:
        add(llama_cpp.llama_sampler_init_greedy())
        return chain
    if sampling.top_k > 0:
        add(llama_cpp.llama_sampler_init_top_k(sampling.top_k))
    if sampling.typical_p < 1:
        add(llama_cpp.llama_sampler_init_typical(sampling.typical_p, 1))
    if sampling.top_p < 1:
        add(llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        add(llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
    add(llama_cpp.llama_sampler_init_temp(sampling.temperature))
    seed = secrets.randbits(32) if sampling.seed is None else (sampling.seed + choice) & 0xFFFFFFFF
    add(llama_cpp.llama_sampler_init_dist(seed))
    return chain


def _penalties(sampling: Sampling, model: Model, prompt: Ints) -> list[Any]:
    """The repeat penalty looks at prompt and answer, OpenAI's two penalties at the answer only."""
    parts = []
    if sampling.repeat_penalty != 1.0:
        last = model.trained_context if sampling.repeat_last_n < 0 else sampling.repeat_last_n
        part = llama_cpp.llama_sampler_init_penalties(
            model.vocabulary_size, last, sampling.repeat_penalty, 0.0, 0.0
        )
        for token in prompt[-last:] if last else ():
            llama_cpp.llama_sampler_accept(part, int(token))
        parts.append(part)
    if sampling.presence_penalty or sampling.frequency_penalty:
        parts.append(
            llama_cpp.llama_sampler_init_penalties(
                model.vocabulary_size,
                model.trained_context,
                1.0,
                sampling.frequency_penalty,
                sampling.presence_penalty,
            )
        )
    return parts
