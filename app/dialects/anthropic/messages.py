"""Anthropic's messages as chat messages. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from corral.engines.errors import InvalidRequest

# Claude Code begins its system prompt with a line that differs in each request: with it no prompt would be cached.
_BILLING = re.compile(r"^x-anthropic-billing-header:[^\n]*\n?")
_BETWEEN_BLOCKS = "\n\n"

Block = Mapping[str, Any]
Message = dict[str, Any]


def chat_messages(messages: Sequence[Block], *, system: str | Sequence[Block] | None) -> list[Message]:
    """The conversation, oldest first. Raises InvalidRequest, which names the block."""
    found: list[Message] = []
    if system is not None and (text := _system_text(system, "system")):
        found.append({"role": "system", "content": text})
    for number, message in enumerate(messages):
        at = f"messages.{number}.content"
        content = message["content"]
        if message["role"] == "system":
            found.append({"role": "system", "content": _system_text(content, at)})
        elif message["role"] == "assistant":
            found.append(_assistant(content, at))
        else:
            found += _user(content, at)
    return found


def _system_text(content: str | Sequence[Block], at: str) -> str:
    blocks = [content] if isinstance(content, str) else [text for text, _ in _texts(content, at)]
    texts = [_BILLING.sub("", text) for text in blocks]
    return _BETWEEN_BLOCKS.join(text for text in texts if text)


def _texts(content: Sequence[Block], at: str) -> Iterator[tuple[str, str]]:
    for number, block in enumerate(content):
        where = f"{at}.{number}"
        if block.get("type") != "text":
            raise InvalidRequest(f"`{where}`: only text blocks are possible here", param=where)
        yield _string(block, "text", where), where


def _user(content: str | Sequence[Block], at: str) -> list[Message]:
    """The results of tools first, then what the user says."""
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results: list[Message] = []
    parts: list[Message] = []
    for number, block in enumerate(content):
        where = f"{at}.{number}"
        if block.get("type") == "tool_result":
            results.append(_tool_result(block, where))
        else:
            parts += _parts(block, where)
    return [*results, *([{"role": "user", "content": _joined(parts)}] if parts or not results else [])]


def _tool_result(block: Block, at: str) -> Message:
    content = block.get("content")
    if isinstance(content, list):
        parts = [
            part
            for number, each in enumerate(content)
            for part in _parts(_block(each, at), f"{at}.content.{number}")
        ]
        said = _joined(parts)
    else:
        said = content if isinstance(content, str) else ""
    if block.get("is_error") is True and not said:
        said = "the tool failed"
    return {"role": "tool", "tool_call_id": _string(block, "tool_use_id", at), "content": said}


def _assistant(content: str | Sequence[Block], at: str) -> Message:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    texts, thoughts, calls = [], [], []
    for number, block in enumerate(content):
        where = f"{at}.{number}"
        match block.get("type"):
            case "text":
                texts.append(_string(block, "text", where))
            case "thinking":
                thoughts.append(_string(block, "thinking", where))
            case "redacted_thinking":
                continue  # nobody but Anthropic can read it
            case "tool_use":
                calls.append(_tool_call(block, where))
            case other:
                raise _unsupported(other, where)
    message: Message = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message


def _tool_call(block: Block, at: str) -> dict[str, Any]:
    arguments = orjson.dumps(block.get("input") or {}).decode()
    function = {"name": _string(block, "name", at), "arguments": arguments}
    return {"id": _string(block, "id", at), "type": "function", "function": function}


def _parts(block: Block, at: str) -> list[Message]:
    """What a user or a tool shows, as parts of a chat message."""
    match block.get("type"):
        case "text":
            return [_text(_string(block, "text", at))]
        case "image":
            return [{"type": "image_url", "image_url": {"url": _image_url(block.get("source"), at)}}]
        case "document":
            return _document(block, at)
        case "search_result":
            content = block.get("content")
            inner = content if isinstance(content, list) else []
            title = block.get("title")
            texts = [text for text, _ in _texts([_block(each, at) for each in inner], f"{at}.content")]
            return [_text("\n".join([title, *texts] if isinstance(title, str) else texts))]
        case other:
            raise _unsupported(other, at)


def _document(block: Block, at: str) -> list[Message]:
    source = _block(block.get("source"), f"{at}.source")
    title = block.get("title")
    before = [_text(title)] if isinstance(title, str) and title else []
    if source.get("type") == "text":
        return [*before, _text(_string(source, "data", f"{at}.source"))]
    content = source.get("content")
    if source.get("type") == "content" and isinstance(content, str):
        return [*before, _text(content)]
    if source.get("type") == "content" and isinstance(content, list):
        inner = [_block(each, f"{at}.source.content") for each in content]
        return before + [part for each in inner for part in _parts(each, f"{at}.source.content")]
    raise InvalidRequest(
        f"`{at}.source`: documents are possible as text only, not as a file, a PDF or a URL",
        param=f"{at}.source",
    )


def _image_url(source: object, at: str) -> str:
    found = _block(source, f"{at}.source")
    if found.get("type") == "base64":
        kind, data = (_string(found, name, f"{at}.source") for name in ("media_type", "data"))
        return f"data:{kind};base64,{data}"
    if found.get("type") == "url":
        return _string(found, "url", f"{at}.source")
    raise InvalidRequest(
        f"`{at}.source`: an image comes as base64 or as a URL, not as a file", param=f"{at}.source"
    )


def _joined(parts: Sequence[Message]) -> str | list[Message]:
    """Text alone as a text: more models understand that."""
    if all(part["type"] == "text" for part in parts):
        return _BETWEEN_BLOCKS.join(part["text"] for part in parts)
    return list(parts)


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _block(value: object, at: str) -> Block:
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"`{at}`: a block is an object with a `type`", param=at)
    return value


def _string(block: Block, name: str, at: str) -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"`{at}.{name}` must be a text", param=f"{at}.{name}")
    return value


def _unsupported(kind: object, at: str) -> InvalidRequest:
    return InvalidRequest(
        f"`{at}.type`: blocks of type {str(kind)[:100]!r} are not supported here", param=f"{at}.type"
    )
