"""Items of the Responses API as chat messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.engines.errors import InvalidRequest

_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


def messages_from_items(
    items: Sequence[Mapping[str, Any]], *, instructions: str | None
) -> list[dict[str, Any]]:
    """Chat messages for a conversation of items, oldest first. Raises InvalidRequest, which names the item."""
    conversation = _Conversation()
    if instructions:
        conversation.messages.append({"role": "system", "content": instructions})
    for number, item in enumerate(items):
        conversation.add(item, at=f"input.{number}")
    if not conversation.messages:
        raise InvalidRequest("the input is empty", param="input")
    return conversation.messages


class _Conversation:
    """Joins what chat keeps in one message: an assistant's thoughts, text and calls."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._reasoning = ""

    def add(self, item: Mapping[str, Any], *, at: str) -> None:
        match item.get("type", "message"):
            case "message":
                self._message(item, at)
            case "reasoning":
                parts = item.get("content") or item.get("summary") or ()
                self._reasoning = "".join(
                    str(part.get("text", "")) for part in parts if isinstance(part, Mapping)
                )
            case "function_call":
                self._call(item, at)
            case "function_call_output":
                output = item.get("output")
                text = output if isinstance(output, str) else "".join(_texts(output, f"{at}.output"))
                self.messages.append(
                    {"role": "tool", "tool_call_id": _string(item, "call_id", at), "content": text}
                )
            case other:
                raise InvalidRequest(f"input items of type {other!r} are not supported", param=f"{at}.type")

    def _message(self, item: Mapping[str, Any], at: str) -> None:
        role = _string(item, "role", at)
        content = item.get("content")
        if not isinstance(content, str):
            content = _content(content, f"{at}.content")
        if role == "assistant":
            self._assistant()["content"] = content
        else:
            self.messages.append({"role": role, "content": content})

    def _call(self, item: Mapping[str, Any], at: str) -> None:
        last = self.messages[-1] if self.messages else {}
        message = last if last.get("role") == "assistant" else self._assistant()
        function = {"name": _string(item, "name", at), "arguments": _string(item, "arguments", at)}
        call = {"id": _string(item, "call_id", at), "type": "function", "function": function}
        message.setdefault("tool_calls", []).append(call)

    def _assistant(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if self._reasoning:
            message["reasoning_content"], self._reasoning = self._reasoning, ""
        self.messages.append(message)
        return message


def _content(parts: object, at: str) -> list[dict[str, Any]] | str:
    """Message parts in chat's shape; text alone is joined."""
    if not isinstance(parts, Sequence):
        raise InvalidRequest("a message needs `content`: text or a list of parts", param=at)
    converted = [_part(part, f"{at}.{number}") for number, part in enumerate(parts)]
    if all(part["type"] == "text" for part in converted):
        return "".join(part["text"] for part in converted)
    return converted


def _part(part: object, at: str) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise InvalidRequest("a content part is an object with a `type`", param=at)
    kind = part.get("type")
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": _string(part, "text", at)}
    if kind == "refusal":
        return {"type": "text", "text": _string(part, "refusal", at)}
    if kind == "input_image":
        image = {"url": _string(part, "image_url", at)} | (
            {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
        )
        return {"type": "image_url", "image_url": image}
    raise InvalidRequest(f"content parts of type {kind!r} are not supported", param=f"{at}.type")


def _texts(parts: object, at: str) -> list[str]:
    if not isinstance(parts, Sequence):
        raise InvalidRequest("this must be text or a list of text parts", param=at)
    return [
        _string(_part(part, f"{at}.{number}"), "text", f"{at}.{number}") for number, part in enumerate(parts)
    ]


def _string(item: Mapping[str, Any], name: str, at: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a string", param=f"{at}.{name}")
    return value
