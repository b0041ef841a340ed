"""Ollama's messages as chat messages. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from corral.engines.errors import InvalidRequest

_ROLES = ("system", "user", "assistant", "tool")
_PICTURES = {"iVBORw": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}

Message = Mapping[str, Any]


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation, oldest first. Raises InvalidRequest, which names the message."""
    calls = _OpenCalls()
    return [_message(message, f"messages.{number}", calls) for number, message in enumerate(messages)]


def with_pictures(text: str, images: object, at: str) -> str | list[dict[str, Any]]:
    """Content of a message; `images` are base64. Raises InvalidRequest."""
    if not images:
        return text
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        raise InvalidRequest(f"`{at}` must be a list of pictures in base64", param=at)
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    return [*parts, *({"type": "image_url", "image_url": {"url": _url(each)}} for each in images)]


class _OpenCalls:
    """Calls without an answer yet: Ollama's often have no ids, and their answers name the tool at most."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[str, str]] = []  # id, name

    def called(self, name: str, id: object) -> str:
        self._made += 1
        given = id if isinstance(id, str) and id else f"call_{self._made}"
        self._open.append((given, name))
        return given

    def answered(self, id: object, name: object) -> str:
        for place, (known, tool) in enumerate(self._open):
            if known == id or (not id and (not name or tool == name)):
                return self._open.pop(place)[0]
        return id if isinstance(id, str) and id else "call_0"


def _message(message: Message, at: str, calls: _OpenCalls) -> dict[str, Any]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise InvalidRequest(f"`{at}.role` must be one of {', '.join(_ROLES)}", param=f"{at}.role")
    if content is not None and not isinstance(content, str):
        raise InvalidRequest(f"`{at}.content` must be a text", param=f"{at}.content")
    found: dict[str, Any] = {
        "role": role,
        "content": with_pictures(content or "", message.get("images"), f"{at}.images"),
    }
    if role == "tool":
        name = message.get("tool_name") or message.get("name")
        found["tool_call_id"] = calls.answered(message.get("tool_call_id"), name)
    if role == "assistant":
        if isinstance(thoughts := message.get("thinking"), str) and thoughts:
            found["reasoning_content"] = thoughts
        if made := message.get("tool_calls"):
            found["tool_calls"] = _tool_calls(made, f"{at}.tool_calls", calls)
    return found


def _tool_calls(made: object, at: str, calls: _OpenCalls) -> list[dict[str, Any]]:
    if not isinstance(made, list):
        raise InvalidRequest(f"`{at}` must be a list", param=at)
    return [_tool_call(call, f"{at}.{number}", calls) for number, call in enumerate(made)]


def _tool_call(call: object, at: str, calls: _OpenCalls) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(name, str):
        raise InvalidRequest(f"`{at}.function` needs a `name`", param=f"{at}.function")
    arguments = function.get("arguments") or {}
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return {
        "id": calls.called(name, call.get("id")),
        "type": "function",
        "function": {"name": name, "arguments": text},
    }


def _url(picture: str) -> str:
    if picture.startswith(("data:", "http://", "https://")):
        return picture
    kind = next((kind for start, kind in _PICTURES.items() if picture.startswith(start)), "image/png")
    return f"data:{kind};base64,{picture}"
