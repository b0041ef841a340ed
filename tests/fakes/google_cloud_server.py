"""A server that stands for Gemini's API and refuses what https://ai.google.dev/api doesn't describe."""

import re
from collections.abc import Mapping
from typing import Any

import jsonschema
from aiohttp import web

from tests.fakes.cloud_server import CloudServer, Json, Received, event

USAGE = {
    "promptTokenCount": 11,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
    "cachedContentTokenCount": 4,
    "totalTokenCount": 18,
}


def _object(required: list[str] | None = None, **properties: Any) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required or [],
    }


_TEXT, _NUMBER, _WHOLE, _SURE = (
    {"type": "string"},
    {"type": "number"},
    {"type": "integer"},
    {"type": "boolean"},
)
_PART = {
    "oneOf": [
        _object(["text"], text={"type": "string", "minLength": 1}),
        _object(["inlineData"], inlineData=_object(["mimeType", "data"], mimeType=_TEXT, data=_TEXT)),
        _object(["fileData"], fileData=_object(["fileUri"], mimeType=_TEXT, fileUri=_TEXT)),
        _object(
            ["functionCall"],
            functionCall=_object(["name"], id=_TEXT, name=_TEXT, args={"type": "object"}),
            thoughtSignature=_TEXT,
        ),
        _object(
            ["functionResponse"],
            functionResponse=_object(["name", "response"], id=_TEXT, name=_TEXT, response={"type": "object"}),
        ),
    ]
}
_PARTS = {"type": "array", "minItems": 1, "items": _PART}
_CONTENT = _object(["parts"], role={"enum": ["user", "model"]}, parts=_PARTS)
_CALLING = _object(
    mode={"enum": ["AUTO", "ANY", "NONE"]}, allowedFunctionNames={"type": "array", "items": _TEXT}
)
_CONFIG = _object(
    stopSequences={"type": "array", "maxItems": 5, "items": _TEXT},
    responseMimeType={"enum": ["text/plain", "application/json"]},
    responseJsonSchema={"type": "object"},
    candidateCount=_WHOLE,
    maxOutputTokens=_WHOLE,
    temperature=_NUMBER,
    topP=_NUMBER,
    topK=_WHOLE,
    seed=_WHOLE,
    presencePenalty=_NUMBER,
    frequencyPenalty=_NUMBER,
    responseLogprobs=_SURE,
    logprobs={"type": "integer", "minimum": 1, "maximum": 20},
    thinkingConfig=_object(includeThoughts=_SURE, thinkingBudget=_WHOLE, thinkingLevel=_TEXT),
)
_DECLARATION = _object(["name"], name=_TEXT, description=_TEXT, parametersJsonSchema={"type": "object"})
GENERATE = _object(
    ["contents"],
    contents={"type": "array", "minItems": 1, "items": _CONTENT},
    systemInstruction=_object(["parts"], parts=_PARTS),
    tools={"type": "array", "items": _object(functionDeclarations={"type": "array", "items": _DECLARATION})},
    toolConfig=_object(functionCallingConfig=_CALLING),
    generationConfig=_CONFIG,
    safetySettings={"type": "array"},
)
EMBED = _object(
    ["requests"],
    requests={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ["model", "content"], model={"pattern": "^models/"}, content=_CONTENT, outputDimensionality=_WHOLE
        ),
    },
)

COUNT = _object(
    ["generateContentRequest"],
    generateContentRequest={
        **GENERATE,
        "properties": {**GENERATE["properties"], "model": {"pattern": "^models/"}},
        "required": ["model", "contents"],
    },
)


class GoogleCloud(CloudServer):
    """Calls two functions at once if it may, and says hello if not."""

    prefix = "google:"

    @property
    def url(self) -> str:
        return super().url + "/v1beta"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-goog-api-key")

    def error(self, status: int, message: str) -> Json:
        if status == 401:  # what Google says of a wrong key, with status 400
            details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            return {
                "error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
            }
        return {"error": {"code": status, "message": message, "status": "FAILED"}}

    def models(self) -> Json:
        return {
            "models": [
                {
                    "name": "models/gemini-a",
                    "inputTokenLimit": 1000,
                    "supportedGenerationMethods": ["generateContent"],
                },
                {"name": "models/embedding-a", "supportedGenerationMethods": ["embedContent"]},
                {"name": "models/other", "supportedGenerationMethods": ["predict"]},
            ]
        }

    async def answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        found = re.fullmatch(r"/v1beta/models/([\w.-]+):(\w+)", received.path)
        if found is None:
            raise ValueError(f"there is nothing at {received.path}")
        method, wanted = found[2], received.json
        if method == "batchEmbedContents":
            _check(wanted, EMBED)
            return web.json_response({"embeddings": [{"values": [0.5, 0.25]} for _ in wanted["requests"]]})
        if method == "countTokens":
            _check(wanted, COUNT)
            return web.json_response({"totalTokens": 11})
        _check(wanted, GENERATE)
        if method == "generateContent":
            parts = [part for chunk in _chunks(wanted) for part in chunk]
            return web.json_response(_document(parts, last=True))
        assert (method, received.query["alt"]) == ("streamGenerateContent", "sse")
        chunks = _chunks(wanted)
        events = [event(_document(each, last=each is chunks[-1])) for each in chunks]
        return await self.stream(request, events)


def _check(wanted: Json, schema: Json) -> None:
    try:
        jsonschema.validate(wanted, schema)
    except jsonschema.ValidationError as error:
        raise ValueError(f"{error.json_path}: {error.message[:300]}") from error


def _chunks(wanted: Json) -> list[list[Json]]:
    config = wanted.get("generationConfig", {})
    thoughts = config.get("thinkingConfig", {}).get("includeThoughts")
    thinking = [[{"text": "Hm. ", "thought": True}]] if thoughts else []
    if config.get("responseMimeType") == "application/json":
        return [*thinking, [{"text": '{"answer":'}], [{"text": "42}"}]]
    parts = [part for content in wanted["contents"] for part in content["parts"]]
    calls = [part for part in parts if "functionCall" in part]
    if any(part.get("thoughtSignature") != "signed" for part in calls[:1]):
        raise ValueError("a function call lacks its thought_signature")
    mode = wanted.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode", "NONE")
    if mode != "NONE" and not calls:
        first = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "signed"}
        return [*thinking, [first], [{"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}]]
    return [*thinking, [{"text": "Hello"}], [{"text": " from"}], [{"text": " Google"}]]


def _document(parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-a", "responseId": "r"}
