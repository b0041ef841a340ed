"""Log-probabilities of the model itself, before temperature, filters and masks."""

from collections.abc import Callable

import numpy as np

from corral.engines.events import TokenLogprob
from corral.engines.llama.native import Floats


def token_logprob(logits: Floats, token: int, top: int, piece: Callable[[int], bytes]) -> TokenLogprob:
    """Natural-log probability of `token` and of the `top` likeliest ones; `logits` has shape (vocabulary,)."""
    highest = float(logits.max())
    total = highest + float(np.log(np.exp(logits - highest).sum(dtype=np.float64)))
    best = np.argpartition(logits, -top)[-top:] if top else np.empty(0, np.intp)
    best = best[np.argsort(-logits[best], kind="stable")]

    def entry(candidate: int, alternatives: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
        data = piece(candidate)
        return TokenLogprob(
            token=data.decode("utf-8", "replace"),
            logprob=float(logits[candidate]) - total,
            data=data,
            top=alternatives,
        )

    return entry(token, tuple(entry(int(candidate)) for candidate in best))
