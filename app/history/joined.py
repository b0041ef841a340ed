"""Streamed answers put together again: one document of all that a stream said. Pure."""

from collections.abc import Collection, Iterable
from typing import Any

import orjson

from corral.app.history.choices import Choices, choice_document
from corral.app.history.joined_dialects import add_anthropic, add_ollama, index_of, objects
from corral.engines.events import Event, Finished, TextDelta, ToolCallDelta

_TEXT_DELTAS = ("response.output_text.delta", "transcript.text.delta")
_SAYING = (TextDelta, ToolCallDelta, Finished)
_DONE = b"[DONE]"


def joined_events(events: Collection[Event]) -> dict[str, Any]:
    """Of the events that an engine of this machine said."""
    pieces: list[str] = []
    reason: str | None = None
    for event in events:
        if isinstance(event, TextDelta) and event.index == 0 and not event.reasoning:
            pieces.append(event.text)
        elif isinstance(event, Finished) and event.index == 0:
            reason = event.reason
        elif isinstance(event, _SAYING):
            return _of_all_kinds(events)
    # Most answers are one text, and may have come in thousands of pieces.
    found = bool(pieces) or reason is not None
    return {"choices": [choice_document(0, "".join(pieces), reason)] if found else []}


def _of_all_kinds(events: Iterable[Event]) -> dict[str, Any]:
    choices = Choices()
    for event in events:
        if isinstance(event, TextDelta):
            choices.text(event.index, event.text, reasoning=event.reasoning)
        elif isinstance(event, ToolCallDelta):
            choices.tool_call(event.index, event.call, name=event.name, arguments=event.arguments)
        elif isinstance(event, Finished):
            choices.finished(event.index, event.reason)
    return choices.document()


def joined_stream(data: bytes) -> dict[str, Any]:
    """Of the server-sent events of a chat, a completion, a response or a message of Anthropic's, or of Ollama's lines;
    also of a stream that was broken off."""
    choices, more = Choices(), {}
    for chunk in _chunks(data):
        if isinstance(chunk.get("response"), dict) and str(chunk.get("type", "")).startswith("response."):
            more["response"] = chunk["response"]
        for name in ("error", "usage"):
            if chunk.get(name):
                more[name] = chunk[name]
        for choice in objects(chunk.get("choices")):
            _add_choice(choices, choice)
        if chunk.get("type") in _TEXT_DELTAS:
            choices.text(0, str(chunk.get("delta", "")), reasoning=False)
        add_anthropic(choices, chunk)
        add_ollama(choices, chunk)
    return {**choices.document(), **more}


def _chunks(data: bytes) -> Iterable[dict[str, Any]]:
    for line in data.split(b"\n"):
        if not line.startswith((b"data:", b"{")) or (text := line.removeprefix(b"data:").strip()) == _DONE:
            continue
        try:
            chunk = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue  # the last line of a stream that was broken off
        if isinstance(chunk, dict):
            yield chunk


def _add_choice(choices: Choices, choice: dict[str, Any]) -> None:
    index = index_of(choice)
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {"content": choice.get("text")}
    for name, reasoning in (("content", False), ("reasoning_content", True)):
        if isinstance(text := delta.get(name), str):
            choices.text(index, text, reasoning=reasoning)
    for call in objects(delta.get("tool_calls")):
        function = call.get("function")
        if isinstance(function, dict):
            choices.tool_call(
                index,
                index_of(call),
                name=function.get("name"),
                arguments=str(function.get("arguments") or ""),
            )
    if choice.get("finish_reason"):
        choices.finished(index, str(choice["finish_reason"]))
