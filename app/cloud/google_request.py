"""OpenAI's chat, completion and embedding requests as Gemini's: generateContent and batchEmbedContents. Pure.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/embeddings (v1beta).
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from corral.app.cloud.call import refuse
from corral.app.cloud.content import (
    InlineFile,
    LinkedImage,
    Piece,
    answered_call,
    calls_of,
    pieces,
    text_of,
)
from corral.app.cloud.providers import GOOGLE
from corral.app.cloud.thoughts import Thoughts
from corral.app.openai.chat_messages import ChatMessage
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.embeddings import EmbeddingsRequest
from corral.app.openai.generation import GenerationFields
from corral.engines.errors import InvalidRequest
from corral.engines.requests import JsonSchema, Tool, ToolChoice

_UNKNOWN = (
    *("logit_bias", "grammar", "min_p", "typical_p", "repeat_penalty", "repetition_penalty"),
    "repeat_last_n",
)
_NATIVE = ("safetySettings", "cachedContent", "labels")  # passed on as they are
_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY", "named": "ANY"}
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
_LEVELS = {"none": "minimal", "xhigh": "high"}  # others have the same name
_IMAGE_TYPES = {"png": "image/png", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic"}
_NO_SIGNATURE = "skip_thought_signature_validator"  # Google's word for calls that it did not make itself
_LAST_WITHOUT_LEVELS = 2  # main version


def google_chat(body: ChatCompletionRequest, name: str, thoughts: Thoughts) -> dict[str, Any]:
    """Body of generateContent. Raises InvalidRequest."""
    refuse(body, _UNKNOWN, GOOGLE.title)
    tools, choice = body.offered_tools()
    request = {
        "contents": _contents(body.messages, name, thoughts),
        "generationConfig": _generation(
            body, max_tokens=body.max_completion_tokens or body.max_tokens, logprobs=body.wanted_logprobs()
        )
        | _thinking(body.reasoning_effort, name),
    }
    if system := _system(body.messages):
        request["systemInstruction"] = {"parts": [{"text": system}]}
    if tools:
        request |= _tools(tools, choice)
    extra = body.model_extra or {}
    return request | {field: extra[field] for field in _NATIVE if field in extra}


def google_completion(body: GenerationFields, prompt: str, *, logprobs: int | None) -> dict[str, Any]:
    """Body of generateContent that continues a text. Raises InvalidRequest."""
    refuse(body, _UNKNOWN, GOOGLE.title)
    return {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": _generation(body, max_tokens=body.max_tokens, logprobs=logprobs),
    }


def google_embeddings(body: EmbeddingsRequest, name: str) -> dict[str, Any]:
    """Body of batchEmbedContents. Raises InvalidRequest."""
    requests = []
    for text in body.engine_request().inputs:
        if not isinstance(text, str):
            raise InvalidRequest("models of Google read texts, no token numbers", param="input")
        request: dict[str, Any] = {"model": f"models/{name}", "content": {"parts": [{"text": text}]}}
        if body.dimensions is not None:
            request["outputDimensionality"] = body.dimensions
        requests.append(request)
    return {"requests": requests}


def _generation(body: GenerationFields, *, max_tokens: int | None, logprobs: int | None) -> dict[str, Any]:
    wanted = {
        "temperature": body.temperature,
        "topP": body.top_p,
        "topK": body.top_k if body.top_k and body.top_k > 0 else None,
        "candidateCount": body.n if body.n and body.n > 1 else None,
        "maxOutputTokens": max_tokens,
        "stopSequences": [body.stop] if isinstance(body.stop, str) else body.stop or None,
        "seed": body.seed,
        "presencePenalty": body.presence_penalty,
        "frequencyPenalty": body.frequency_penalty,
        "responseLogprobs": None if logprobs is None else True,
        "logprobs": logprobs or None,
    }
    config: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    output = None if body.response_format is None else body.response_format.output_format()
    if output is not None:
        config["responseMimeType"] = "application/json"
    if isinstance(output, JsonSchema):
        config["responseJsonSchema"] = output.schema
    return config


def _thinking(effort: str | None, name: str) -> dict[str, Any]:
    """Only on request: models that can't think refuse the field."""
    if effort is None:
        return {}
    shown = effort != "none"
    version = re.match(r"gemini-(\d+)", name)
    if version is None or int(version[1]) > _LAST_WITHOUT_LEVELS:
        how: dict[str, Any] = {"thinkingLevel": _LEVELS.get(effort, effort)}
    else:
        how = {"thinkingBudget": _BUDGETS.get(effort, -1)}
    return {"thinkingConfig": how | {"includeThoughts": shown}}


def _tools(tools: Sequence[Tool], choice: ToolChoice) -> dict[str, Any]:
    declarations = [
        {
            "name": tool.name,
            **({} if tool.description is None else {"description": tool.description}),
            **({} if tool.parameters is None else {"parametersJsonSchema": tool.parameters}),
        }
        for tool in tools
    ]
    calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.name is not None:
        calling["allowedFunctionNames"] = [choice.name]
    return {
        "tools": [{"functionDeclarations": declarations}],
        "toolConfig": {"functionCallingConfig": calling},
    }


def _system(messages: Sequence[ChatMessage]) -> str:
    texts = [
        text_of(message.content, f"messages.{number}.content")
        for number, message in enumerate(messages)
        if message.role in ("system", "developer")
    ]
    return "\n\n".join(text for text in texts if text)


def _contents(messages: Sequence[ChatMessage], name: str, thoughts: Thoughts) -> list[dict[str, Any]]:
    """Turns of user and model; what follows in one role is one turn."""
    contents: list[dict[str, Any]] = []
    called: dict[str, str] = {}  # id → function
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.role in ("system", "developer"):
            continue
        if message.role == "assistant":
            role, parts = "model", _answered(message, at, name, thoughts)
            called |= {each.id: each.name for each in calls_of(message, at)}
        elif message.role == "user":
            role, parts = "user", [_part(each) for each in pieces(message.content, f"{at}.content")]
        else:
            role, parts = "user", [_result(message, at, called)]
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _answered(message: ChatMessage, at: str, name: str, thoughts: Thoughts) -> list[dict[str, Any]]:
    parts = [_part(each) for each in pieces(message.content, f"{at}.content")]
    for place, call in enumerate(calls_of(message, at)):
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.arguments}}
        signature = thoughts.of(call.id)
        if signature is None and place == 0 and name.startswith("gemini-3"):
            signature = _NO_SIGNATURE
        if signature is not None:
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def _result(message: ChatMessage, at: str, called: dict[str, str]) -> dict[str, Any]:
    id = answered_call(message, at)
    if id not in called:
        raise InvalidRequest(f"no earlier message has a tool call {id!r}", param=f"{at}.tool_call_id")
    text = text_of(message.content, f"{at}.content")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    response = value if isinstance(value, dict) else {"result": value}
    return {"functionResponse": {"name": called[id], "response": response}}


def _part(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, InlineFile):
        return {"inlineData": {"mimeType": piece.media_type, "data": piece.data}}
    if isinstance(piece, LinkedImage):
        ending = piece.url.partition("?")[0].rpartition(".")[2].lower()
        return {"fileData": {"mimeType": _IMAGE_TYPES.get(ending, "image/jpeg"), "fileUri": piece.url}}
    return {"text": piece}
