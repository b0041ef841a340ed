"""A server that stands for Anthropic and refuses what https://platform.claude.com/docs/en/api/messages doesn't describe.
What it answers is checked with the types of Anthropic's own client."""

from collections.abc import Mapping
from typing import Any

import jsonschema
from aiohttp import web
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from tests.fakes.cloud_server import CloudServer, Json, Received, event

USAGE = {
    "input_tokens": 5,
    "cache_read_input_tokens": 4,
    "cache_creation_input_tokens": 2,
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 2},
}
_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def _object(required: list[str], **properties: Any) -> Json:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _is(*kinds: str) -> Json:
    return {"enum": list(kinds)}


_TEXT, _SURE = {"type": "string", "minLength": 1}, {"type": "boolean"}
_ID = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"}
_BASE64 = _object(["type", "media_type", "data"], type=_is("base64"), media_type=_TEXT, data=_TEXT)
_URL = _object(["type", "url"], type=_is("url"), url={"type": "string", "pattern": "^https?://"})
_TEXT_BLOCK = _object(["type", "text"], type=_is("text"), text=_TEXT)
_IMAGE = _object(["type", "source"], type=_is("image"), source={"oneOf": [_BASE64, _URL]})
_RESULT_CONTENT = {"type": "array", "items": {"oneOf": [_TEXT_BLOCK, _IMAGE]}}
_BLOCK = {
    "oneOf": [
        _TEXT_BLOCK,
        _IMAGE,
        _object(["type", "source"], type=_is("document"), source=_BASE64, title=_TEXT),
        _object(
            ["type", "thinking", "signature"], type=_is("thinking"), thinking=_TEXT, signature=_is("signed")
        ),
        _object(
            ["type", "id", "name", "input"],
            type=_is("tool_use"),
            id=_ID,
            name=_TEXT,
            input={"type": "object"},
        ),
        _object(["type", "tool_use_id"], type=_is("tool_result"), tool_use_id=_ID, content=_RESULT_CONTENT),
    ]
}
_MESSAGE = _object(
    ["role", "content"],
    role=_is("user", "assistant"),
    content={"type": "array", "minItems": 1, "items": _BLOCK},
)
_TOOL = _object(
    ["name", "input_schema"],
    name={"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,128}$"},
    description=_TEXT,
    input_schema={"type": "object", "required": ["type"], "properties": {"type": _is("object")}},
    strict=_SURE,
)
_CHOICE = _object(
    ["type"], type=_is("auto", "any", "tool", "none"), name=_TEXT, disable_parallel_tool_use=_SURE
)
_THINKING = {
    "oneOf": [
        _object(["type"], type=_is("disabled")),
        _object(["type"], type=_is("adaptive"), display=_is("summarized", "omitted")),
        _object(
            ["type", "budget_tokens"], type=_is("enabled"), budget_tokens={"type": "integer", "minimum": 1024}
        ),
    ]
}
_FORMAT = _object(["type", "schema"], type=_is("json_schema"), schema={"type": "object"})
REQUEST = _object(
    ["model", "max_tokens", "messages"],
    model=_TEXT,
    max_tokens={"type": "integer", "minimum": 1},
    messages={"type": "array", "minItems": 1, "items": _MESSAGE},
    system=_TEXT,
    stop_sequences={"type": "array", "items": _TEXT},
    stream=_SURE,
    temperature={"type": "number", "minimum": 0, "maximum": 1},
    top_p={"type": "number"},
    top_k={"type": "integer"},
    metadata=_object([], user_id=_TEXT),
    tools={"type": "array", "minItems": 1, "items": _TOOL},
    tool_choice=_CHOICE,
    thinking=_THINKING,
    output_config=_object([], format=_FORMAT, effort=_is("low", "medium", "high", "xhigh", "max")),
)

_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
COUNT = {
    **REQUEST,
    "properties": {name: REQUEST["properties"][name] for name in _COUNTED},
    "required": ["model", "messages"],
}


class AnthropicCloud(CloudServer):
    """Calls two tools at once if it may, and says hello if not."""

    prefix = "anthropic:"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key") if headers.get("anthropic-version") == "2023-06-01" else None

    def error(self, status: int, message: str) -> Json:
        return {"type": "error", "error": {"type": "some_error", "message": message}}

    def models(self) -> Json:
        one = {"type": "model", "id": "claude-a", "display_name": "A", "created_at": "2025-01-01T00:00:00Z"}
        return {"data": [{**one, "max_input_tokens": 1000}], "has_more": False, "last_id": "claude-a"}

    async def answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        schema = {"/v1/messages": REQUEST, "/v1/messages/count_tokens": COUNT}.get(received.path)
        if schema is None:
            raise ValueError(f"there is nothing at {received.path}")
        wanted = received.json
        try:
            jsonschema.validate(wanted, schema)
        except jsonschema.ValidationError as error:
            raise ValueError(f"{error.json_path}: {error.message[:300]}") from error
        if schema is COUNT:
            return web.json_response({"input_tokens": 11})
        blocks = _blocks(wanted)
        reason = "tool_use" if any(each["type"] == "tool_use" for each in blocks) else "end_turn"
        if not wanted.get("stream"):
            return web.json_response(_message(blocks, reason))
        return await self.stream(request, [event(each, each["type"]) for each in _events(blocks, reason)])


def _blocks(wanted: Json) -> list[Json]:
    thinks = wanted.get("thinking", {}).get("type") in ("enabled", "adaptive")
    thinking: list[Json] = [{"type": "thinking", "thinking": "Hm. ", "signature": "signed"}] if thinks else []
    used = [block for each in wanted["messages"] for block in each["content"] if block["type"] == "tool_use"]
    if "format" in wanted.get("output_config", {}):
        return [*thinking, {"type": "text", "text": '{"answer":42}'}]
    choice = wanted.get("tool_choice", {"type": "none"})
    if choice["type"] == "tool":
        if thinks:
            raise ValueError("thinking may not be enabled when tool_choice forces tool use")
        return [{"type": "tool_use", "id": "toolu_1", "name": choice["name"], "input": {"answer": 42}}]
    if choice["type"] != "none" and not used:
        cities = (("toolu_1", "Rome"), ("toolu_2", "Oslo"))
        calls = [
            {"type": "tool_use", "id": id, "name": "weather", "input": {"city": city}} for id, city in cities
        ]
        return [*thinking, *calls]
    return [*thinking, {"type": "text", "text": "Hello from Anthropic"}]


def _message(blocks: list[Json], reason: str | None) -> Json:
    found = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-a",
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": USAGE,
    }
    Message.model_validate(found)
    return found


def _events(blocks: list[Json], reason: str) -> list[Json]:
    events: list[Json] = [{"type": "message_start", "message": _message([], None)}]
    for index, block in enumerate(blocks):
        events += _block_events(index, block)
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}})
    events.append({"type": "message_stop"})
    for each in events:
        _EVENTS.validate_python(each)
    return [events[0], {"type": "ping"}, *events[1:]]


def _block_events(index: int, block: Json) -> list[Json]:
    kind = block["type"]
    if kind == "text":
        empty: Json = {"type": "text", "text": ""}
        words = block["text"].split(" ")
        texts = [words[0], *(f" {word}" for word in words[1:])]
        deltas: list[Json] = [{"type": "text_delta", "text": text} for text in texts]
    elif kind == "thinking":
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    else:
        empty = {**block, "input": {}}
        [(name, value)] = block["input"].items()
        shown = f'"{value}"' if isinstance(value, str) else value
        pieces = ("", f'{{"{name}":', f" {shown}}}")
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]
