"""What a model answers: a stream of frozen events per request, ended by exactly one Done or Failed.

chat, completion:  Started, then per choice TextDelta / ToolCallDelta … Finished, then Done
embedding:         EmbeddingResult, Done          rerank:  RerankResult, Done          token count:  TokenCount, Done
"""

from typing import Literal

import msgspec

FinishReason = Literal[
    "stop", "length", "tool_calls", "content_filter"
]  # the last one: only of cloud providers


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One token with its natural-log probability under the model, before sampling changed it."""

    token: str
    logprob: float
    data: bytes  # the token's bytes; `token` may hold replacement characters
    top: tuple["TokenLogprob", ...] = ()


class Started(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="started"):
    """The prompt has been read (prefill is over); sent once per request, before any delta."""

    prompt_tokens: int
    cached_tokens: int


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="text"):
    """New text of choice `index`; never cut inside a character. `reasoning` marks a <think> part."""

    index: int
    text: str
    reasoning: bool = False
    logprobs: tuple[TokenLogprob, ...] = ()


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="tool_call"):
    """Part of tool call number `call` of choice `index`: the first has id and name, later ones arguments only."""

    index: int
    call: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""  # the next piece of the JSON text


class Finished(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="finished"):
    """Choice `index` ended; with reason "stop", `stop` is the stop string that ended it, if one did."""

    index: int
    reason: FinishReason
    stop: str | None = None


class EmbeddingResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="embedding"):
    """One L2-normalised vector per input, each as little-endian float32 bytes."""

    vectors: tuple[bytes, ...]


class RerankResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="rerank"):
    """Relevance of each document, in the order of the request; higher is more relevant."""

    scores: tuple[float, ...]


class TokenCount(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="token_count"):
    """Tokens of a prompt that was only counted."""

    tokens: int


class Done(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="done"):
    """The request is complete. Token counts are sums over all choices."""

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Failed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="failed"):
    """The request failed; `errors.error_from_code` makes the exception."""

    code: str
    message: str
    param: str | None = None


Event = (
    Started
    | TextDelta
    | ToolCallDelta
    | Finished
    | EmbeddingResult
    | RerankResult
    | TokenCount
    | Done
    | Failed
)
