"""A server that stands for OpenAI: it refuses fields that the types of OpenAI's own client don't have."""

import json
from collections.abc import Mapping
from typing import Any, get_type_hints

from aiohttp import web
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionAssistantMessageParam,
    ChatCompletionChunk,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
    completion_create_params,
)

from tests.fakes.cloud_server import CloudServer, Json, Received, event

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
_FIELDS = {*completion_create_params.CompletionCreateParamsBase.__annotations__, "stream"}
_MESSAGES: Mapping[str, Any] = {
    "system": ChatCompletionSystemMessageParam,
    "developer": ChatCompletionSystemMessageParam,
    "user": ChatCompletionUserMessageParam,
    "assistant": ChatCompletionAssistantMessageParam,
    "tool": ChatCompletionToolMessageParam,
}
SOUND = b"ID3" + bytes(range(256))


class OpenAICloud(CloudServer):
    """Calls two functions at once if it may, and says hello if not."""

    prefix = "openai:"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> Json:
        return {"error": {"message": message, "type": "some_error", "param": None, "code": None}}

    def models(self) -> Json:
        ids = ("gpt-a", "text-embedding-a", "whisper-1", "tts-1", "dall-e-3")
        return {
            "object": "list",
            "data": [{"id": id, "object": "model", "created": 7, "owned_by": "o"} for id in ids],
        }

    async def answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        match received.path:
            case "/v1/chat/completions":
                return await self._chat(request, received.json)
            case "/v1/completions":
                choice = {"index": 0, "text": "Hello from OpenAI", "logprobs": None, "finish_reason": "stop"}
                return web.json_response(
                    _head(received.json, "text_completion") | {"choices": [choice], "usage": USAGE}
                )
            case "/v1/embeddings":
                inputs = received.json["input"]
                vectors = [
                    {"object": "embedding", "index": index, "embedding": [0.5, 0.25]}
                    for index in range(len(inputs) if isinstance(inputs, list) else 1)
                ]
                usage = {"prompt_tokens": 3, "total_tokens": 3}
                return web.json_response(
                    {"object": "list", "data": vectors, "model": received.json["model"], "usage": usage}
                )
            case "/v1/audio/speech":
                return web.Response(body=SOUND, content_type="audio/mpeg")
            case "/v1/audio/transcriptions":
                if b'name="model"\r\n\r\nwhisper-1\r\n' not in received.body:
                    raise ValueError("the form lacks the model")
                return web.json_response({"text": "what was said"})
            case "/v1/images/generations":
                return web.json_response({"created": 1, "data": [{"b64_json": "AAAA"}]})
        raise ValueError(f"there is nothing at {received.path}")

    async def _chat(self, request: web.Request, wanted: Json) -> web.StreamResponse:
        _check(wanted)
        message = _message(wanted)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        if not wanted.get("stream"):
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
            found = _head(wanted, "chat.completion") | {"choices": [choice], "usage": USAGE}
            ChatCompletion.model_validate(found)
            return web.json_response(found)
        deltas = _deltas(message)
        chunks = [_chunk(wanted, delta) for delta in deltas] + [_chunk(wanted, {}, reason)]
        if (wanted.get("stream_options") or {}).get("include_usage"):
            chunks.append(_head(wanted, "chat.completion.chunk") | {"choices": [], "usage": USAGE})
        for each in chunks:
            ChatCompletionChunk.model_validate(each)
        return await self.stream(request, [*map(event, chunks), b"data: [DONE]\n\n"])


def _check(wanted: Json) -> None:
    """Raises ValueError."""
    if unknown := wanted.keys() - _FIELDS:
        raise ValueError(f"unrecognized request arguments: {sorted(unknown)}")
    for message in wanted["messages"]:
        allowed = get_type_hints(_MESSAGES[message["role"]]).keys()
        if unknown := message.keys() - allowed:
            raise ValueError(f"a message of role {message['role']} has no {sorted(unknown)}")


def _message(wanted: Json) -> Json:
    if (wanted.get("response_format") or {}).get("type") in ("json_object", "json_schema"):
        return {"role": "assistant", "content": '{"answer":42}', "refusal": None}
    answered = any(each["role"] == "tool" for each in wanted["messages"])
    if wanted.get("tools") and not answered:
        calls = [
            {
                "id": id,
                "type": "function",
                "function": {"name": "weather", "arguments": json.dumps({"city": city})},
            }
            for id, city in (("call_1", "Rome"), ("call_2", "Oslo"))
        ]
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    return {"role": "assistant", "content": "Hello from OpenAI", "refusal": None}


def _deltas(message: Json) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    for index, call in enumerate(message.get("tool_calls", ())):
        function, arguments = call["function"], call["function"]["arguments"]
        deltas.append({"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
        halves = (arguments[:8], arguments[8:])
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": half}}]} for half in halves]
    words = (message["content"] or "").split(" ")
    texts = [words[0], *(f" {word}" for word in words[1:])]
    return deltas + [{"content": text} for text in texts if text]


def _head(wanted: Json, kind: str) -> Json:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": wanted["model"]}


def _chunk(wanted: Json, delta: Json, reason: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return _head(wanted, "chat.completion.chunk") | {"choices": [choice]}
