"""OpenAI's chat and completion requests as Anthropic's: POST /v1/messages. Pure.

Source: https://platform.claude.com/docs/en/api/messages (anthropic-version 2023-06-01).
"""

import re
from collections.abc import Sequence
from typing import Any

from corral.app.cloud.call import refuse
from corral.app.cloud.claude import can_think_freely, most_tokens
from corral.app.cloud.content import (
    InlineFile,
    LinkedImage,
    Piece,
    answered_call,
    calls_of,
    pieces,
    text_of,
)
from corral.app.cloud.providers import ANTHROPIC
from corral.app.cloud.thoughts import Thoughts
from corral.app.openai.chat_messages import ChatMessage
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.generation import GenerationFields
from corral.engines.errors import InvalidRequest
from corral.engines.requests import JsonObject, JsonSchema, Tool, ToolChoice

JSON_TOOL = "json_answer"  # "calling" it is how a model answers with a JSON object

_UNKNOWN = (
    *("logprobs", "seed", "logit_bias", "grammar", "presence_penalty", "frequency_penalty"),
    *("min_p", "typical_p", "repeat_penalty", "repetition_penalty", "repeat_last_n"),
)
_NATIVE = ("thinking", "cache_control", "inference_geo", "speed", "container", "context_management")
_CHOICES = {"none": "none", "auto": "auto", "required": "any", "named": "tool"}
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576}
_EFFORTS = {"minimal": "low"}  # others have the same name
_LEAST_BUDGET = 1024
_PICTURES = "image/"


def anthropic_chat(body: ChatCompletionRequest, name: str, thoughts: Thoughts) -> dict[str, Any]:
    """Body of POST /v1/messages. Raises InvalidRequest."""
    tools, choice = body.offered_tools()
    request = _generation(body, name, max_tokens=body.max_completion_tokens or body.max_tokens)
    request["messages"] = _messages(body.messages, thoughts)
    if system := _system(body.messages):
        request["system"] = system
    if tools:
        parallel = body.parallel_tool_calls is not False and not body.uses_functions
        request |= _tools(tools, choice, parallel=parallel)
    output = None if body.response_format is None else body.response_format.output_format()
    if isinstance(output, JsonSchema):
        request["output_config"] = {"format": {"type": "json_schema", "schema": output.schema}}
    elif isinstance(output, JsonObject):
        request |= _json_tool(tools)
    extra = body.model_extra or {}
    request |= {field: extra[field] for field in _NATIVE if field in extra}
    if "thinking" not in request and body.reasoning_effort is not None:
        _think(request, body.reasoning_effort, name)
    return request


def anthropic_completion(
    body: GenerationFields, prompt: str, name: str, *, max_tokens: int
) -> dict[str, Any]:
    """Body of POST /v1/messages that continues a text. Raises InvalidRequest."""
    request = _generation(body, name, max_tokens=max_tokens)
    return request | {"messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]}


def _generation(body: GenerationFields, name: str, *, max_tokens: int | None) -> dict[str, Any]:
    refuse(body, _UNKNOWN, ANTHROPIC.title)
    if body.choices > 1:
        raise InvalidRequest(f"models of {ANTHROPIC.title} give one answer; leave `n` out", param="n")
    wanted = {
        "model": name,
        "max_tokens": max_tokens or most_tokens(name),
        "stop_sequences": [body.stop] if isinstance(body.stop, str) else body.stop or None,
        "temperature": None if body.temperature is None else min(1.0, body.temperature),
        "top_p": body.top_p,
        "top_k": body.top_k if body.top_k and body.top_k > 0 else None,
        "stream": True if body.stream else None,
    }
    user = (body.model_extra or {}).get("safety_identifier") or (body.model_extra or {}).get("user")
    if isinstance(user, str):
        wanted["metadata"] = {"user_id": user}
    return {field: value for field, value in wanted.items() if value is not None}


def _think(request: dict[str, Any], effort: str, name: str) -> None:
    """Thinking excludes a forced tool call and sampling parameters; the older kind also a conversation whose last
    tool calls come without their thoughts."""
    if effort == "none":
        request["thinking"] = {"type": "disabled"}
        return
    if request.get("tool_choice", {}).get("type") in ("any", "tool"):
        return
    if can_think_freely(name):
        request["thinking"] = {"type": "adaptive", "display": "summarized"}
        output = request.get("output_config", {})
        request["output_config"] = output | {"effort": _EFFORTS.get(effort, effort)}
    else:
        budget = min(_BUDGETS.get(effort, _LEAST_BUDGET), request["max_tokens"] - 1)
        if budget < _LEAST_BUDGET or _thoughts_are_missing(request["messages"]):
            return
        request["thinking"] = {"type": "enabled", "budget_tokens": budget}
    for field in ("temperature", "top_p", "top_k"):
        request.pop(field, None)


def _thoughts_are_missing(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether the model is in the middle of tool calls that begin without a thought."""
    for message in reversed(messages):
        kinds = {block["type"] for block in message["content"]}
        if message["role"] == "user" and "tool_result" not in kinds:
            return False
        if message["role"] == "assistant" and "tool_use" in kinds:
            return message["content"][0]["type"] not in ("thinking", "redacted_thinking")
    return False


def _tools(tools: Sequence[Tool], choice: ToolChoice, *, parallel: bool) -> dict[str, Any]:
    chosen: dict[str, Any] = {"type": _CHOICES[choice.mode]}
    if choice.name is not None:
        chosen["name"] = choice.name
    if not parallel and choice.mode != "none":
        chosen["disable_parallel_tool_use"] = True
    return {"tools": [_tool(tool) for tool in tools], "tool_choice": chosen}


def _tool(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": tool.name,
        "input_schema": {"type": "object", **(tool.parameters or {"properties": {}})},
    }
    if tool.description is not None:
        found["description"] = tool.description
    if tool.strict:
        found["strict"] = True
    return found


def _json_tool(tools: Sequence[Tool]) -> dict[str, Any]:
    if tools:
        raise InvalidRequest(
            f"with models of {ANTHROPIC.title} a json_object excludes tools; use a json_schema",
            param="response_format",
        )
    tool = {
        "name": JSON_TOOL,
        "description": "Give the whole answer: the fields of the JSON object that was asked for.",
        "input_schema": {"type": "object", "additionalProperties": True},
    }
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": JSON_TOOL}}


def _system(messages: Sequence[ChatMessage]) -> str:
    texts = [
        text_of(message.content, f"messages.{number}.content")
        for number, message in enumerate(messages)
        if message.role in ("system", "developer")
    ]
    return "\n\n".join(text for text in texts if text)


def _messages(messages: Sequence[ChatMessage], thoughts: Thoughts) -> list[dict[str, Any]]:
    """Turns of user and assistant; what follows in one role is one turn, results of tools in front."""
    turns: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.role in ("system", "developer"):
            continue
        if message.role == "assistant":
            role, blocks = "assistant", _answered(message, at, thoughts)
        elif message.role == "user":
            role, blocks = "user", [_block(each, at) for each in pieces(message.content, f"{at}.content")]
        else:
            role, blocks = "user", [_result(message, at)]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _answered(message: ChatMessage, at: str, thoughts: Thoughts) -> list[dict[str, Any]]:
    calls = calls_of(message, at)
    blocks: list[dict[str, Any]] = list(thoughts.of(calls[0].id) or ()) if calls else []
    blocks += [_block(each, at) for each in pieces(message.content, f"{at}.content")]
    blocks += [
        {"type": "tool_use", "id": _plain_id(call.id), "name": call.name, "input": call.arguments}
        for call in calls
    ]
    return blocks


def _result(message: ChatMessage, at: str) -> dict[str, Any]:
    id = _plain_id(answered_call(message, at))
    blocks = [_block(each, at) for each in pieces(message.content, f"{at}.content")]
    return {"type": "tool_result", "tool_use_id": id, **({"content": blocks} if blocks else {})}


def _plain_id(id: str) -> str:
    """Ids of other providers may have characters that Anthropic refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", id)


def _block(piece: Piece, at: str) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    if isinstance(piece, LinkedImage):
        return {"type": "image", "source": {"type": "url", "url": piece.url}}
    return _file(piece, at)


def _file(file: InlineFile, at: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": file.media_type, "data": file.data}
    if file.media_type.startswith(_PICTURES):
        return {"type": "image", "source": source}
    if file.media_type == "application/pdf":
        return {"type": "document", "source": source, **({} if file.name is None else {"title": file.name})}
    raise InvalidRequest(
        f"models of {ANTHROPIC.title} read texts, pictures and PDFs, no {file.media_type}",
        param=f"{at}.content",
    )
