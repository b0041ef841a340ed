"""What the echo engine says: pure functions from a request to words, vectors and scores."""

import hashlib
import math
import re
import struct
from itertools import chain

from corral.engines.errors import ContextLengthExceeded, ModelLacksCapability, UnsupportedSchema
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Finished,
    FinishReason,
    RerankResult,
    TextDelta,
    TokenCount,
    TokenLogprob,
)
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    ContinuedChat,
    EmbeddingRequest,
    Generation,
    RerankRequest,
    TokenCountRequest,
)

DIMENSIONS = 64
_WORD = re.compile(r"\s*\S+")  # joined, a text's words are the text again, but for trailing space


class EchoAnswer:
    """A running answer: the same words for every choice, one word per step."""

    def __init__(
        self,
        words: list[str],
        reason: FinishReason,
        prompt_tokens: int,
        generation: Generation,
        stop: str | None = None,
    ) -> None:
        """`stop`: the stop string before which the words end."""
        self._stop = stop
        self.prompt_tokens = prompt_tokens
        self._words = words
        self._reason = reason
        self._choices = range(generation.n)
        self._logprobs = generation.top_logprobs is not None
        self._next = 0

    def step(self) -> list[Event]:
        """The next word of every choice; after the last one, the end."""
        if self._next < len(self._words):
            word = self._words[self._next]
            self._next += 1
            return [self._delta(index, word) for index in self._choices]
        done = Done(prompt_tokens=self.prompt_tokens, completion_tokens=len(self._words) * len(self._choices))
        return [
            *(Finished(index=index, reason=self._reason, stop=self._stop) for index in self._choices),
            done,
        ]

    def _delta(self, index: int, word: str) -> TextDelta:
        if not self._logprobs:
            return TextDelta(index=index, text=word)
        certain = TokenLogprob(token=word, logprob=0.0, data=word.encode())
        return TextDelta(index=index, text=word, logprobs=(certain,))


def answer_to(request: ChatRequest | CompletionRequest, context_length: int) -> EchoAnswer:
    """Raises ContextLengthExceeded, and UnsupportedSchema or ModelLacksCapability for what can't be echoed."""
    generation = request.generation
    if generation.output_format is not None:
        raise UnsupportedSchema("the echo engine can't enforce an output format", param="response_format")
    if isinstance(request, ChatRequest):
        if request.tool_choice.mode in ("required", "named"):
            raise ModelLacksCapability("the echo engine can't call tools", param="tool_choice")
        prompt = next((m.content or "" for m in reversed(request.messages) if m.role == "user"), "")
    else:
        prompt = _text(request.prompt)
    prompt_tokens = _prompt_tokens(request)
    if prompt_tokens >= context_length:
        message = f"the prompt has {prompt_tokens} tokens, but this model's context holds {context_length}"
        raise ContextLengthExceeded(
            message, param="messages" if isinstance(request, ChatRequest) else "prompt"
        )
    before, stop = _before_stop(prompt, generation.stop)
    words = words_of(before.removeprefix(_said(request)))
    room = min(generation.max_tokens or context_length, context_length - prompt_tokens)
    reason: FinishReason = "length" if len(words) > room else "stop"
    stop = stop if reason == "stop" else None
    if isinstance(request, CompletionRequest) and request.echo:
        return EchoAnswer([prompt, *words[:room]], reason, prompt_tokens, generation, stop)
    return EchoAnswer(words[:room], reason, prompt_tokens, generation, stop)


def result_for(request: EmbeddingRequest | RerankRequest | TokenCountRequest) -> list[Event]:
    """The one-step answers."""
    if isinstance(request, TokenCountRequest):
        return [TokenCount(tokens=_prompt_tokens(request.prompt)), Done(prompt_tokens=0)]
    if isinstance(request, EmbeddingRequest):
        inputs = [_text(item) for item in request.inputs]
        dimensions = min(request.dimensions or DIMENSIONS, DIMENSIONS)
        vectors = tuple(embed(text, dimensions) for text in inputs)
        return [
            EmbeddingResult(vectors=vectors),
            Done(prompt_tokens=sum(len(words_of(text)) for text in inputs)),
        ]
    scores = tuple(overlap(request.query, document) for document in request.documents)
    tokens = sum(len(words_of(text)) for text in chain([request.query], request.documents))
    return [RerankResult(scores=scores), Done(prompt_tokens=tokens)]


def words_of(text: str) -> list[str]:
    """The text's words, each with the space before it."""
    return _WORD.findall(text)


def embed(text: str, dimensions: int) -> bytes:
    """A unit vector that depends on nothing but the text's words, as little-endian float32."""
    totals = [0.0] * DIMENSIONS
    for word in words_of(text.lower()) or [""]:
        digest = hashlib.sha512(word.strip().encode()).digest()
        for index in range(DIMENSIONS):
            totals[index] += digest[index] - 127.5
    kept = totals[:dimensions]
    length = math.sqrt(sum(value * value for value in kept)) or 1.0
    return struct.pack(f"<{dimensions}f", *(value / length for value in kept))


def overlap(query: str, document: str) -> float:
    """The share of the query's words that the document has."""
    wanted = {word.strip() for word in words_of(query.lower())}
    found = {word.strip() for word in words_of(document.lower())}
    return len(wanted & found) / len(wanted) if wanted else 0.0


def _said(request: ChatRequest | CompletionRequest) -> str:
    return request.answer_so_far if isinstance(request, ContinuedChat) else ""


def _text(prompt: str | tuple[int, ...]) -> str:
    return prompt if isinstance(prompt, str) else " ".join(str(token) for token in prompt)


def _prompt_tokens(request: ChatRequest | CompletionRequest) -> int:
    if isinstance(request, ChatRequest):
        words = sum(len(words_of(message.content or "")) for message in request.messages)
        return words + len(words_of(_said(request)))
    return len(words_of(_text(request.prompt)))


def _before_stop(text: str, stop: tuple[str, ...]) -> tuple[str, str | None]:
    """The text before the first stop string, and that."""
    cuts = [(text.find(word), word) for word in stop if word and word in text]
    at, word = min(cuts, default=(len(text), None))
    return text[:at], word
