"""POST /v1/completions: the body, and the engine request it stands for."""

from typing import Annotated

from pydantic import Field

from corral.app.openai.generation import MAX_CHOICES, GenerationFields
from corral.app.openai.validation import Whole
from corral.engines.errors import InvalidRequest
from corral.engines.requests import CompletionRequest

DEFAULT_MAX_TOKENS = 16  # OpenAI's; a plain completion has no natural end
MAX_TOTAL_CHOICES = 128  # prompts times n

TokenId = Annotated[Whole, Field(ge=0, le=2**31 - 1)]


class TextCompletionRequest(GenerationFields):
    """Body of POST /v1/completions."""

    prompt: str | Annotated[list[TokenId] | list[str] | list[list[TokenId]], Field(min_length=1)]
    suffix: str | None = None
    echo: bool | None = None
    logprobs: Annotated[Whole, Field(ge=0, le=5)] | None = None
    best_of: Annotated[Whole, Field(ge=1, le=MAX_CHOICES)] | None = None

    @property
    def prompts(self) -> list[str | tuple[int, ...]]:
        """One prompt is as good as a list of one."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if all(isinstance(each, int) for each in self.prompt):
            return [tuple(each for each in self.prompt if isinstance(each, int))]
        return [
            each if isinstance(each, str) else tuple(each)
            for each in self.prompt
            if not isinstance(each, int)
        ]

    def engine_requests(self) -> tuple[CompletionRequest, ...]:
        """One for each prompt. Raises InvalidRequest."""
        prompts = self.prompts
        if self.best_of is not None and self.best_of != self.choices:
            raise InvalidRequest("`best_of` other than `n` is not possible", param="best_of")
        if self.suffix is not None and self.echo:
            raise InvalidRequest("`echo` and `suffix` exclude each other", param="echo")
        if len(prompts) * self.choices > MAX_TOTAL_CHOICES:
            raise InvalidRequest(
                f"{len(prompts)} prompts with {self.choices} choices each are too many at once;"
                f" {MAX_TOTAL_CHOICES} choices are possible",
                param="prompt",
            )
        generation = self.generation(
            max_tokens=self.max_tokens or DEFAULT_MAX_TOKENS, top_logprobs=self.logprobs
        )
        return tuple(
            CompletionRequest(prompt=prompt, generation=generation, suffix=self.suffix, echo=bool(self.echo))
            for prompt in prompts
        )
