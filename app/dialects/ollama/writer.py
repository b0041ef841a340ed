"""Chunks of a chat completion or a completion become the lines of one of Ollama's answers. Pure, but for the clock."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from corral.app.times import rfc3339

Line = dict[str, Any]

_REASONS = {"length": "length"}


class AnswerWriter:
    """Feed it the chunks. `chat`: the answer is a `message` instead of a `response`."""

    def __init__(self, *, model: str, chat: bool, show_thinking: bool, now: Callable[[], float]) -> None:
        self._model = model
        self._chat = chat
        self._show_thinking = show_thinking
        self._now = now
        self._call: Line | None = None  # the one that grows; clients get whole ones
        self._call_number: object = None
        self._calls = 0
        self._said: list[Line] = []  # parts of the whole answer
        self._reason = "stop"
        self._usage: Mapping[str, Any] = {}

    def feed(self, chunk: Mapping[str, Any]) -> list[Line]:
        """The lines of one chunk."""
        self._usage = chunk.get("usage") or self._usage
        parts: list[Line] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {"content": choice.get("text")}
            text = delta.get("content")
            thoughts = delta.get("reasoning_content") or delta.get("reasoning")
            if thoughts and self._show_thinking:
                parts.append({"content": "", "thinking": str(thoughts)})
            if text:
                parts.append({"content": str(text)} | _logprobs(choice))
            for call in delta.get("tool_calls") or ():
                parts += self._tool_call(call)
            if reason := choice.get("finish_reason"):
                self._reason = _REASONS.get(reason, "stop")
        return self._lines(parts)

    def rest(self) -> list[Line]:
        """What was held back until the end."""
        return self._lines(self._whole_call())

    def alive(self) -> Line:
        """Says nothing; JSON lines have no comments."""
        return self._line({"content": ""})

    def last(self, durations: Mapping[str, int], *, reason: str | None = None) -> Line:
        """The end of a stream."""
        return self._line({"content": ""}) | self._end(durations, reason)

    def document(self, durations: Mapping[str, int]) -> Line:
        """The whole answer; call after `rest`."""
        whole: Line = {"content": "".join(each["content"] for each in self._said)}
        if thoughts := "".join(each.get("thinking", "") for each in self._said):
            whole["thinking"] = thoughts
        for name in ("tool_calls", "logprobs"):
            if found := [entry for each in self._said for entry in each.get(name, ())]:
                whole[name] = found
        return self._line(whole) | self._end(durations, None)

    def _end(self, durations: Mapping[str, int], reason: str | None) -> Line:
        return {
            "done": True,
            "done_reason": reason or self._reason,
            **durations,
            "prompt_eval_count": self._usage.get("prompt_tokens") or 0,
            "eval_count": self._usage.get("completion_tokens") or 0,
        }

    def _lines(self, parts: list[Line]) -> list[Line]:
        self._said += parts
        return [self._line(part) for part in parts]

    def _line(self, part: Line) -> Line:
        head = {"model": self._model, "created_at": rfc3339(self._now())}
        logprobs = {name: part[name] for name in ("logprobs",) if name in part}
        said = {name: value for name, value in part.items() if name != "logprobs"}
        if self._chat:
            return {**head, "message": {"role": "assistant", **said}, "done": False, **logprobs}
        text = said.pop("content")
        return {**head, "response": text, **said, "done": False, **logprobs}

    def _tool_call(self, call: Mapping[str, Any]) -> list[Line]:
        function = call.get("function") or {}
        number = call.get("index", call.get("id"))
        ended: list[Line] = []
        if self._call is None or self._call_number != number:
            ended = self._whole_call()
            self._call = {"id": call.get("id") or "", "name": function.get("name") or "", "arguments": ""}
            self._call_number = number
        self._call["arguments"] += function.get("arguments") or ""
        return ended

    def _whole_call(self) -> list[Line]:
        call, self._call = self._call, None
        if call is None:
            return []
        function = {"index": self._calls, "name": call["name"], "arguments": _object(call["arguments"])}
        self._calls += 1
        return [{"content": "", "tool_calls": [{"id": call["id"], "function": function}]}]


def _logprobs(choice: Mapping[str, Any]) -> Line:
    found = choice.get("logprobs")
    content = found.get("content") if isinstance(found, Mapping) else None
    return {"logprobs": content} if content else {}


def _object(arguments: str) -> dict[str, Any]:
    """A call that was cut off has no arguments that could be read."""
    try:
        found = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
