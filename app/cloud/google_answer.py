"""Gemini's answers as events. A document and each event of a stream have the same form. Pure, but for the ids it draws.

Source: https://ai.google.dev/api/generate-content (v1beta, GenerateContentResponse).
"""

import secrets
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from corral.app.cloud.call import Json
from corral.app.cloud.errors import AnswerCutOff, CloudFailed
from corral.app.cloud.providers import GOOGLE
from corral.app.cloud.thoughts import Thoughts
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)

_FILTERED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"}
)


def new_call_id() -> str:
    """Google often gives none."""
    return f"call_{secrets.token_hex(12)}"


class GoogleAnswer:
    """Reader of one answer of generateContent or streamGenerateContent."""

    def __init__(
        self,
        thoughts: Thoughts,
        *,
        choices: int = 1,
        most_calls: int | None = None,
        make_id: Callable[[], str] = new_call_id,
    ) -> None:
        """`most_calls` in each choice; what the model calls beyond it is left out."""
        self._thoughts = thoughts
        self._choices = choices
        self._most_calls = most_calls
        self._make_id = make_id
        self._started = False
        self._usage: dict[str, Any] = {}
        self._reasons: dict[int, str] = {}
        self._calls: dict[int, int] = {}

    def document(self, json: Json) -> list[Event]:
        """Raises CloudFailed."""
        return [*self.event(json), *self.end()]

    def event(self, json: Json) -> list[Event]:
        """Raises CloudFailed."""
        if "error" in json:
            raise CloudFailed(f"{GOOGLE.title} broke off its answer: {_message(json['error'])}")
        self._usage |= json.get("usageMetadata") or {}
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(
                Started(prompt_tokens=self._count("promptTokenCount"), cached_tokens=self._cached_tokens)
            )
        candidates = json.get("candidates") or ()
        if not candidates and (json.get("promptFeedback") or {}).get("blockReason"):
            self._reasons |= dict.fromkeys(range(self._choices), "SAFETY")
        for candidate in candidates:
            events += self._candidate(candidate)
        return events

    def end(self) -> list[Event]:
        """Raises AnswerCutOff."""
        if not self._reasons:
            raise AnswerCutOff(GOOGLE.title)
        thought_tokens = self._count("thoughtsTokenCount")
        return [
            *(Finished(index=index, reason=self._reason(index)) for index in sorted(self._reasons)),
            Done(
                prompt_tokens=self._count("promptTokenCount") + self._count("toolUsePromptTokenCount"),
                completion_tokens=self._count("candidatesTokenCount") + thought_tokens,
                cached_tokens=self._cached_tokens,
                reasoning_tokens=thought_tokens,
            ),
        ]

    def _candidate(self, candidate: Mapping[str, Any]) -> list[Event]:
        index = int(candidate.get("index") or 0)
        if index >= self._choices:
            return []
        logprobs = _logprobs(candidate.get("logprobsResult") or {})
        events: list[Event] = []
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "functionCall" in part:
                events += self._call(index, part)
            elif isinstance(text := part.get("text"), str) and text:
                thought = bool(part.get("thought"))
                events.append(
                    TextDelta(index=index, text=text, reasoning=thought, logprobs=() if thought else logprobs)
                )
                logprobs = logprobs if thought else ()
        if reason := candidate.get("finishReason"):
            self._reasons[index] = str(reason)
        return events

    def _call(self, index: int, part: Mapping[str, Any]) -> list[Event]:
        number = self._calls.get(index, 0)
        if self._most_calls is not None and number >= self._most_calls:
            return []
        self._calls[index] = number + 1
        call = part["functionCall"]
        id = call.get("id") or self._make_id()
        if signature := part.get("thoughtSignature"):
            self._thoughts.remember(id, signature)
        arguments = orjson.dumps(call.get("args") or {}).decode()
        return [
            ToolCallDelta(index=index, call=number, id=id, name=call.get("name", ""), arguments=arguments)
        ]

    def _reason(self, index: int) -> FinishReason:
        reason = self._reasons[index]
        if reason in _FILTERED:
            return "content_filter"
        if reason == "MAX_TOKENS":
            return "length"
        return "tool_calls" if self._calls.get(index) else "stop"

    @property
    def _cached_tokens(self) -> int:
        return self._count("cachedContentTokenCount")

    def _count(self, name: str) -> int:
        return int(self._usage.get(name) or 0)


class GoogleEmbeddings:
    """Reader of one answer of batchEmbedContents."""

    def document(self, json: Json) -> list[Event]:
        """Raises CloudFailed."""
        vectors = [each.get("values") for each in json.get("embeddings") or ()]
        if not vectors or not all(isinstance(each, list) for each in vectors):
            raise CloudFailed(f"{GOOGLE.title} answered without embeddings; try again")
        tokens = int((json.get("usageMetadata") or {}).get("promptTokenCount") or 0)
        return [
            EmbeddingResult(vectors=tuple(struct.pack(f"<{len(each)}f", *each) for each in vectors)),
            Done(prompt_tokens=tokens),
        ]

    def event(self, json: Json) -> list[Event]:
        """Never streamed."""
        return []

    def end(self) -> list[Event]:
        """Never streamed."""
        return []


def _logprobs(result: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    chosen: Sequence[Any] = result.get("chosenCandidates") or ()
    tops: Sequence[Any] = result.get("topCandidates") or ()
    return tuple(
        _logprob(token, tuple(_logprob(each) for each in (_at(tops, place).get("candidates") or ())))
        for place, token in enumerate(chosen)
    )


def _logprob(token: Mapping[str, Any], top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    text = str(token.get("token", ""))
    return TokenLogprob(
        token=text, logprob=float(token.get("logProbability", 0.0)), data=text.encode(), top=top
    )


def _at(items: Sequence[Any], place: int) -> Mapping[str, Any]:
    return items[place] if place < len(items) else {}


def _message(error: object) -> str:
    return str(error.get("message", "unknown error")) if isinstance(error, Mapping) else "unknown error"
