"""Anthropic's answers as events. Pure.

Source: https://platform.claude.com/docs/en/api/messages and .../build-with-claude/streaming (anthropic-version 2023-06-01).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from corral.app.cloud.anthropic_request import JSON_TOOL
from corral.app.cloud.call import Json
from corral.app.cloud.errors import AnswerCutOff, CloudFailed
from corral.app.cloud.providers import ANTHROPIC
from corral.app.cloud.thoughts import Thoughts
from corral.engines.events import Done, Event, Finished, FinishReason, Started, TextDelta, ToolCallDelta

_REASONS: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_THOUGHTS = ("thinking", "redacted_thinking")


class AnthropicAnswer:
    """Reader of one answer of POST /v1/messages."""

    def __init__(self, thoughts: Thoughts) -> None:
        self._thoughts = thoughts
        self._usage: dict[str, Any] = {}
        self._reason: str | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._thought: list[dict[str, Any]] = []  # blocks in front of the calls, complete
        self._calls = 0
        self._ended = False

    def document(self, json: Json) -> list[Event]:
        """Raises CloudFailed."""
        events = self._begin(json)
        for index, block in enumerate(json.get("content") or ()):
            events += self._open(index, block)
            if block.get("type") == "tool_use":
                events += self._arguments(index, orjson.dumps(block.get("input") or {}).decode())
            events += self._close(index)
        self._reason = str(json.get("stop_reason"))
        self._ended = True
        return [*events, *self.end()]

    def event(self, json: Json) -> list[Event]:
        """Raises CloudFailed."""
        match json.get("type"):
            case "message_start":
                return self._begin(json.get("message") or {})
            case "content_block_start":
                return self._open(int(json.get("index") or 0), json.get("content_block") or {})
            case "content_block_delta":
                return self._delta(int(json.get("index") or 0), json.get("delta") or {})
            case "content_block_stop":
                return self._close(int(json.get("index") or 0))
            case "message_delta":
                self._take_usage(json.get("usage"))
                self._reason = (json.get("delta") or {}).get("stop_reason") or self._reason
            case "message_stop":
                self._ended = True
            case "error":
                message = (json.get("error") or {}).get("message", "unknown error")
                raise CloudFailed(f"{ANTHROPIC.title} broke off its answer: {message}")
        return []

    def end(self) -> list[Event]:
        """Raises AnswerCutOff."""
        if not self._ended:
            raise AnswerCutOff(ANTHROPIC.title)
        reason = _REASONS.get(self._reason or "", "stop")
        if reason == "tool_calls" and not self._calls:
            reason = "stop"  # the call was the JSON that was asked for
        details = self._usage.get("output_tokens_details") or {}
        return [
            Finished(index=0, reason=reason),
            Done(
                prompt_tokens=self._prompt_tokens,
                completion_tokens=self._count("output_tokens"),
                cached_tokens=self._count("cache_read_input_tokens"),
                reasoning_tokens=int(details.get("thinking_tokens") or 0),
            ),
        ]

    def _begin(self, message: Mapping[str, Any]) -> list[Event]:
        self._take_usage(message.get("usage"))
        return [
            Started(prompt_tokens=self._prompt_tokens, cached_tokens=self._count("cache_read_input_tokens"))
        ]

    def _open(self, index: int, block: Mapping[str, Any]) -> list[Event]:
        kind = block.get("type")
        self._blocks[index] = dict(block)
        if kind == "text":
            return _text(block.get("text"))
        if kind == "thinking":
            return _text(block.get("thinking"), reasoning=True)
        if kind != "tool_use" or block.get("name") == JSON_TOOL:
            return []
        id = str(block.get("id"))
        if self._thought:
            self._thoughts.remember(id, list(self._thought))
        self._blocks[index]["call"] = self._calls
        self._calls += 1
        return [ToolCallDelta(index=0, call=self._calls - 1, id=id, name=str(block.get("name")))]

    def _delta(self, index: int, delta: Mapping[str, Any]) -> list[Event]:
        block = self._blocks.setdefault(index, {})
        match delta.get("type"):
            case "text_delta":
                return _text(delta.get("text"))
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta.get("thinking", "")
                return _text(delta.get("thinking"), reasoning=True)
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta.get("signature", "")
            case "input_json_delta":
                return self._arguments(index, str(delta.get("partial_json", "")))
        return []

    def _arguments(self, index: int, text: str) -> list[Event]:
        if not text:
            return []
        call = self._blocks.get(index, {}).get("call")
        if call is None:
            return _text(text)
        self._blocks[index]["has_arguments"] = True
        return [ToolCallDelta(index=0, call=call, arguments=text)]

    def _close(self, index: int) -> list[Event]:
        block = self._blocks.get(index, {})
        if block.get("type") in _THOUGHTS and not self._calls:
            self._thought.append(block)
        if "call" in block and "has_arguments" not in block:
            return self._arguments(index, "{}")  # of a function without parameters nothing comes
        return []

    def _take_usage(self, usage: Mapping[str, Any] | None) -> None:
        self._usage |= {name: value for name, value in (usage or {}).items() if value is not None}

    @property
    def _prompt_tokens(self) -> int:
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        return sum(self._count(name) for name in names)

    def _count(self, name: str) -> int:
        return int(self._usage.get(name) or 0)


def _text(text: object, *, reasoning: bool = False) -> list[Event]:
    return [TextDelta(index=0, text=text, reasoning=reasoning)] if isinstance(text, str) and text else []
