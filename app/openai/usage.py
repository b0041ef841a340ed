"""Token counts and token probabilities in OpenAI's shape."""

from collections.abc import Iterable
from typing import Any

from corral.engines.events import Done, TokenLogprob

_LOWEST = -9999.0  # OpenAI's stand-in for "impossible"; JSON has no infinity


def usage(done: Done) -> dict[str, Any]:
    """The `usage` object of chat and completion."""
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": done.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": done.reasoning_tokens},
    }


def prompt_usage(done: Done) -> dict[str, Any]:
    """The `usage` object where nothing is generated."""
    return {"prompt_tokens": done.prompt_tokens, "total_tokens": done.prompt_tokens}


def chat_logprobs(tokens: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """The `content` list of a chat choice's `logprobs`."""
    return [{**_entry(token), "top_logprobs": [_entry(other) for other in token.top]} for token in tokens]


def bounded(logprob: float) -> float:
    """A number that JSON can hold."""
    return max(logprob, _LOWEST)


def _entry(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": bounded(token.logprob), "bytes": list(token.data)}
