"""Texts drawn at random under a constraint: a small vocabulary, a real sampling loop, no model."""

import random
from collections.abc import Sequence

import numpy as np

from corral.engines.llama.constraint import Constraint, GrammarCompiler, build_tokenizer

CONTROL = (
    "<eos>",
    "<|channel|>",
    "<|message|>",
    "<|end|>",
    "<|start|>",
    "<|constrain|>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<｜tool▁calls▁begin｜>",  # noqa: RUF001
    "<｜tool▁calls▁end｜>",  # noqa: RUF001
    "<｜tool▁call▁begin｜>",  # noqa: RUF001
    "<｜tool▁call▁end｜>",  # noqa: RUF001
    "<｜tool▁sep｜>",  # noqa: RUF001
)
PIECES = (*(bytes([value]) for value in range(256)), *(text.encode() for text in CONTROL))
END = 256
_HINTS = (
    b"</think>",
    b"[/THINK]",
    b"\n</parameter>",
    b"</parameter>",
    b"</arg_value>",
)  # chance alone never writes these
_CLOSING = frozenset(b'"}]<\n')  # makes texts short


def small_compiler() -> GrammarCompiler:
    """256 bytes and some control tokens."""
    return GrammarCompiler(
        build_tokenizer(
            pieces=PIECES,
            special=set(range(256, len(PIECES))),
            eos_ids=[END],
            tokenize=lambda data: list(data),
        )
    )


def draw(constraint: Constraint, seed: int, *, most: int = 3000) -> str:
    """A text that the constraint accepts, control tokens written out."""
    source = random.Random(seed)
    tokens: list[int] = []
    hinted: list[int] = []
    while len(tokens) < most:
        allowed = allowed_tokens(constraint)
        assert allowed, (constraint.error, text_of(tokens))
        if END in allowed and (len(allowed) == 1 or source.random() < 0.3):
            return text_of(tokens)
        if not hinted and source.random() < 0.1:
            hinted = list(source.choice(_HINTS))
        hint = hinted.pop(0) if hinted else -1
        if hint not in allowed:
            hinted = []
            hint = _choose([token for token in allowed if token != END], source)
        token = hint
        constraint.consume(token)
        tokens.append(token)
    raise AssertionError(f"no end: {text_of(tokens)[-200:]}")


def allowed_tokens(constraint: Constraint) -> list[int]:
    """What may come next."""
    logits = np.zeros(len(PIECES), np.float32)
    constraint.apply_mask(logits)
    return [int(token) for token in np.flatnonzero(logits == 0)]


def text_of(tokens: Sequence[int]) -> str:
    """The tokens' text."""
    return b"".join(PIECES[token] for token in tokens).decode("utf-8", "replace")


def accepts(constraint: Constraint, text: str) -> bool:
    """The whole text is allowed, byte by byte, and may end there."""
    for value in text.encode():
        if value not in allowed_tokens(constraint):
            return False
        constraint.consume(value)
    return END in allowed_tokens(constraint)


def _choose(allowed: list[int], source: random.Random) -> int:
    closing = [token for token in allowed if token in _CLOSING or token > END]
    return source.choice(closing if closing and source.random() < 0.4 else allowed)
