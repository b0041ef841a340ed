"""A chat answer as server-sent events. Text deltas are the hot path: only the text itself is encoded."""

from typing import Any

import orjson

from corral.app.openai import sse
from corral.app.openai.translation import AnswerHead
from corral.app.openai.usage import chat_logprobs, usage
from corral.engines.events import Done, Event, Finished, Started, TextDelta, ToolCallDelta


class ChatStream:
    """Writer for one answer."""

    def __init__(
        self, head: AnswerHead, *, choices: int, include_usage: bool = False, functions: bool = False
    ) -> None:
        """`functions`: speak the deprecated form, `function_call` instead of `tool_calls`."""
        fields = {
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
        }
        self._head = b"data: " + orjson.dumps(fields)[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._choices = choices
        self._include_usage = include_usage
        self._functions = functions
        self._content = [self._before(index, b"content") for index in range(choices)]
        self._reasoning = [self._before(index, b"reasoning_content") for index in range(choices)]
        self._plain_end = b'},"logprobs":null,"finish_reason":null}' + self._tail

    def write(self, event: Event) -> bytes:
        if type(event) is TextDelta:
            return self._text(event)
        if type(event) is ToolCallDelta:
            return self._chunk(event.index, self._call(event))
        if type(event) is Finished:
            reason = "function_call" if self._functions and event.reason == "tool_calls" else event.reason
            return self._chunk(event.index, {}, finish_reason=reason, stop=event.stop)
        if type(event) is Started:
            role = {"role": "assistant", "content": ""}
            return b"".join(self._chunk(index, role) for index in range(self._choices))
        return self._end(event) if type(event) is Done else b""

    def _text(self, event: TextDelta) -> bytes:
        if not event.text and not event.logprobs:
            return b""
        before = (self._reasoning if event.reasoning else self._content)[event.index]
        text = orjson.dumps(event.text)
        if not event.logprobs:
            return before + text + self._plain_end
        logprobs = orjson.dumps({"content": chat_logprobs(event.logprobs), "refusal": None})
        return before + text + b'},"logprobs":' + logprobs + b',"finish_reason":null}' + self._tail

    def _call(self, event: ToolCallDelta) -> dict[str, Any]:
        function: dict[str, Any] = {"arguments": event.arguments}
        if event.name is not None:
            function["name"] = event.name
        if self._functions:
            return {"function_call": function}
        call: dict[str, Any] = {"index": event.call, "function": function}
        if event.id is not None:
            call |= {"id": event.id, "type": "function"}
        return {"tool_calls": [call]}

    def _end(self, done: Done) -> bytes:
        if not self._include_usage:
            return sse.DONE
        return self._head + b'],"usage":' + orjson.dumps(usage(done)) + b"}\n\n" + sse.DONE

    def _chunk(
        self, index: int, delta: dict[str, Any], *, finish_reason: str | None = None, stop: str | None = None
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        if stop is not None:
            choice["stop_reason"] = stop  # vLLM's name for it; OpenAI doesn't tell
        return self._head + orjson.dumps(choice) + self._tail

    def _before(self, index: int, field: bytes) -> bytes:
        return self._head + b'{"index":%d,"delta":{"%b":' % (index, field)
