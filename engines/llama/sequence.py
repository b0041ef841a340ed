"""One choice of one request on its way through the decode loop, and the request it belongs to."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from corral.engines.engine import RequestId
from corral.engines.llama.answer import Answer
from corral.engines.llama.native import Floats, Ints
from corral.engines.llama.sampler import Sampler


class TokenMask(Protocol):
    """A grammar's state along one sequence."""

    def apply_mask(self, logits: Floats) -> None:
        """Set the logits of all tokens that the grammar forbids now to -inf, in place."""

    def consume(self, token: int) -> None: ...

    @property
    def is_complete(self) -> bool:
        """Nothing but the end may follow."""

    @property
    def error(self) -> str:
        """Why the grammar gave up; empty if all is well."""


@dataclass(slots=True, kw_only=True)
class Job:
    """One request. Its choices are sequences that share the prompt."""

    request_id: RequestId
    open_choices: int
    prompt_tokens: int
    echo: str = ""  # text to give before the first token
    started: bool = False
    cancelled: bool = False
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Sequence:
    """The state of one choice. `tokens[:size]` are known, `tokens[:evaluated]` are in the KV cache."""

    key: int
    job: Job
    index: int  # choice number
    tokens: Ints  # room for prompt and answer, int32
    size: int
    prompt_size: int
    limit: int  # most tokens of the answer
    sampler: Sampler
    answer: Answer
    mask: TokenMask | None = None
    top_logprobs: int | None = None
    repeatable: bool = False  # a seed was given: the same text each time, so nothing is reused
    score_prompt: bool = False  # echo with logprobs: every prompt token's logits are wanted
    slot: int | None = None
    evaluated: int = 0
    token_at: float = field(default=0.0)  # monotonic time of the last token

    @property
    def known(self) -> Ints:
        return self.tokens[: self.size]

    @property
    def pending(self) -> int:
        return self.size - self.evaluated

    @property
    def generated(self) -> int:
        return self.size - self.prompt_size

    @property
    def generating(self) -> bool:
        """The prompt has been read: each further step adds one token."""
        return self.generated > 0 and self.pending == 1

    def append(self, token: int) -> None:
        self.tokens[self.size] = token
        self.size += 1


def token_room(prompt: Ints, answer_tokens: int) -> Ints:
    """The prompt in an array with room for the answer (untouched pages cost no memory)."""
    room = np.empty(len(prompt) + answer_tokens, np.int32)
    room[: len(prompt)] = prompt
    return room
