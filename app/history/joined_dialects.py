"""Pieces of streams in Anthropic's and Ollama's dialects, put together like all others. Pure."""

from collections.abc import Mapping
from typing import Any

from corral.app.history.choices import Choices

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}

Piece = Mapping[str, Any]


def add_anthropic(choices: Choices, event: Piece) -> None:
    """One of Anthropic's events; of others nothing."""
    match event.get("type"):
        case "content_block_start":
            block = _object(event.get("content_block"))
            if block.get("type") == "tool_use":
                choices.tool_call(0, index_of(event), name=str(block.get("name")), arguments="")
        case "content_block_delta":
            delta = _object(event.get("delta"))
            kind = str(delta.get("type"))
            if kind in _TEXTS:
                choices.text(0, str(delta.get(_TEXTS[kind], "")), reasoning=kind == "thinking_delta")
            elif kind == "input_json_delta":
                choices.tool_call(0, index_of(event), name=None, arguments=str(delta.get("partial_json", "")))
        case "message_delta":
            if reason := _object(event.get("delta")).get("stop_reason"):
                choices.finished(0, str(reason))


def add_ollama(choices: Choices, line: Piece) -> None:
    """One of Ollama's lines; of others nothing."""
    if "done" not in line:
        return
    said = _object(line.get("message")) or {**line, "content": line.get("response")}
    for name, reasoning in (("content", False), ("thinking", True)):
        if isinstance(text := said.get(name), str) and text:
            choices.text(0, text, reasoning=reasoning)
    for call in objects(said.get("tool_calls")):
        function = _object(call.get("function"))
        choices.tool_call(
            0,
            index_of(function),
            name=str(function.get("name")),
            arguments=str(function.get("arguments") or ""),
        )
    if reason := line.get("done_reason"):
        choices.finished(0, str(reason))


def objects(value: object) -> list[dict[str, Any]]:
    """Those in a list; none, where others said something else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def index_of(piece: Piece) -> int:
    """Its place; 0 where it says none."""
    number = piece.get("index")
    return number if isinstance(number, int) else 0
