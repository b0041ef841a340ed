"""Chat completion chunks become the events and the document of an Anthropic message. Pure, but for the ids it draws."""

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

Document = dict[str, Any]
ServerEvent = dict[str, Any]  # has a `type`

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def new_message_id() -> str:
    """`msg_` + 24 hexadecimal digits."""
    return f"msg_{secrets.token_hex(12)}"


class MessageBuilder:
    """Feed it the chunks of one chat completion; `document` is the message as far as it has come."""

    def __init__(
        self,
        *,
        model: str,
        stops: Collection[str],
        show_thinking: bool,
        make_id: Callable[[], str] = new_message_id,
    ) -> None:
        """`stops`: the client's stop sequences. Without `show_thinking` the model's thoughts are left out."""
        self._stops = stops
        self._show_thinking = show_thinking
        self._open: dict[str, Any] | None = None  # the block that grows
        self._call: object = None  # which tool call of the chat it is
        self._arguments = ""
        self._reason = "stop"
        self._stop: object = None
        self.document: Document = {
            "id": make_id(),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(0, 0, 0),
        }

    def start(self, *, prompt_tokens: int = 0, cached_tokens: int = 0) -> list[ServerEvent]:
        """The beginning, with what is known of the prompt then."""
        self.document["usage"] = _usage(prompt_tokens, cached_tokens, 0)
        return [{"type": "message_start", "message": {**self.document, "content": []}}]

    def feed(self, chunk: Mapping[str, Any]) -> list[ServerEvent]:
        """The events of one `chat.completion.chunk`."""
        if usage := chunk.get("usage"):
            details = usage.get("prompt_tokens_details") or {}
            self.document["usage"] = _usage(
                usage.get("prompt_tokens") or 0,
                details.get("cached_tokens") or 0,
                usage.get("completion_tokens") or 0,
            )
        events: list[ServerEvent] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if (text := delta.get("reasoning_content") or delta.get("reasoning")) and self._show_thinking:
                events += self._grow("thinking", str(text))
            if text := delta.get("content"):
                events += self._grow("text", str(text))
            for call in delta.get("tool_calls") or ():
                events += self._tool_call(call)
            self._reason = choice.get("finish_reason") or self._reason
            self._stop = choice.get("stop_reason") or self._stop
        return events

    def finish(self) -> list[ServerEvent]:
        """The answer ended well."""
        events = self._close()
        reason = _STOP_REASONS.get(self._reason, "end_turn")
        if reason == "end_turn" and any(block["type"] == "tool_use" for block in self.document["content"]):
            reason = "tool_use"  # some servers don't say so
        stop = self._stop if reason == "end_turn" and self._stop in self._stops else None
        ended = {"stop_reason": "stop_sequence" if stop is not None else reason, "stop_sequence": stop}
        self.document |= ended
        return [
            *events,
            {"type": "message_delta", "delta": ended, "usage": self.document["usage"]},
            {"type": "message_stop"},
        ]

    def _grow(self, kind: str, text: str) -> list[ServerEvent]:
        """Text of the answer, or of what the model thinks: the block's type and field are called the same."""
        events: list[ServerEvent] = []
        if self._open is None or self._open["type"] != kind:
            empty = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            events = self._add(empty)
        assert self._open is not None
        self._open[kind] += text
        return [*events, self._delta({"type": f"{kind}_delta", kind: text})]

    def _tool_call(self, call: Mapping[str, Any]) -> list[ServerEvent]:
        function = call.get("function") or {}
        events: list[ServerEvent] = []
        number = call.get("index", call.get("id"))
        if self._open is None or self._open["type"] != "tool_use" or self._call != number:
            id = call.get("id") or f"toolu_{secrets.token_hex(12)}"
            events = self._add(
                {"type": "tool_use", "id": id, "name": function.get("name") or "", "input": {}}
            )
            self._call = number
        if arguments := function.get("arguments"):
            self._arguments += arguments
            events.append(self._delta({"type": "input_json_delta", "partial_json": arguments}))
        return events

    def _add(self, block: dict[str, Any]) -> list[ServerEvent]:
        events = self._close()
        self._open, self._arguments = block, ""
        self.document["content"].append(block)
        return [*events, {"type": "content_block_start", "index": self._index, "content_block": {**block}}]

    def _delta(self, delta: dict[str, Any]) -> ServerEvent:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _close(self) -> list[ServerEvent]:
        block, self._open = self._open, None
        if block is None:
            return []
        if block["type"] == "tool_use":
            block["input"] = _object(self._arguments)
        return [{"type": "content_block_stop", "index": self._index}]

    @property
    def _index(self) -> int:
        return len(self.document["content"]) - 1


def _usage(prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Anthropic counts what came from the cache apart."""
    return {
        "input_tokens": max(0, prompt_tokens - cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached_tokens,
        "output_tokens": completion_tokens,
    }


def _object(arguments: str) -> dict[str, Any]:
    """A call that was cut off by `max_tokens` has no input that could be read."""
    try:
        found = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
