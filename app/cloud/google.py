"""How to speak with Google: Gemini's API, v1beta. Pure.

Source: https://ai.google.dev/api
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from corral.app.cloud.call import CloudCall, Json
from corral.app.cloud.dialect import ModelPage, served
from corral.app.cloud.google_answer import GoogleAnswer, GoogleEmbeddings
from corral.app.cloud.google_request import google_chat, google_completion, google_embeddings
from corral.app.cloud.plain_completion import plain_prompt
from corral.app.cloud.providers import GOOGLE, Provider
from corral.app.cloud.thoughts import Thoughts
from corral.app.cloud.token_count import COUNTED, CountAnswer, google_count
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.completions import DEFAULT_MAX_TOKENS, TextCompletionRequest
from corral.app.openai.embeddings import EmbeddingsRequest
from corral.app.openai.token_count import COUNT_PATH, ChatToCount
from corral.app.openai.translate import chat_answer, completion_answer, embeddings_answer
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest
from corral.engines.model import Capability

_NAME = re.compile(r"(?:models/|tunedModels/)?[A-Za-z0-9][\w.-]*")
_METHODS = {
    "generateContent": frozenset({Capability.CHAT, Capability.COMPLETION, Capability.VISION}),
    "embedContent": frozenset({Capability.EMBEDDINGS}),
}


class Google:
    """Dialect of Google."""

    provider: Provider = GOOGLE
    models_path = "/models?pageSize=1000"
    paths = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/embeddings", COUNT_PATH})

    def __init__(self, thoughts: Thoughts) -> None:
        self._thoughts = thoughts

    def headers(self, api_key: str) -> Mapping[str, str]:
        return {"x-goog-api-key": api_key}

    def call(self, path: str, json: Json, name: str, *, now: int) -> CloudCall:
        if not _NAME.fullmatch(name):
            raise InvalidRequest(f"{name[:100]!r} can't be the name of a model of Google", param="model")
        if path == "/v1/chat/completions":
            return self._chat(validated(ChatCompletionRequest, json), name, now)
        if path == "/v1/completions":
            return self._completion(validated(TextCompletionRequest, json), name, now)
        if path == COUNT_PATH:
            return self._count(validated(ChatToCount, json).chat, name)
        body = validated(EmbeddingsRequest, json)
        return CloudCall(
            path=f"{_path(name)}:batchEmbedContents",
            body=google_embeddings(body, name.removeprefix("models/")),
            streamed=False,
            reader=GoogleEmbeddings(),
            answer=embeddings_answer(body),
        )

    def _chat(self, body: ChatCompletionRequest, name: str, now: int) -> CloudCall:
        one_call = body.parallel_tool_calls is False or body.uses_functions
        reader = GoogleAnswer(self._thoughts, choices=body.choices, most_calls=1 if one_call else None)
        return CloudCall(
            path=_generate(name, streamed=bool(body.stream)),
            body=google_chat(body, name.removeprefix("models/"), self._thoughts),
            streamed=bool(body.stream),
            reader=reader,
            answer=chat_answer(body, now),
        )

    def _completion(self, body: TextCompletionRequest, name: str, now: int) -> CloudCall:
        prompt = plain_prompt(body, GOOGLE)
        limited = body.model_copy(update={"max_tokens": body.max_tokens or DEFAULT_MAX_TOKENS})
        return CloudCall(
            path=_generate(name, streamed=bool(body.stream)),
            body=google_completion(limited, prompt, logprobs=body.logprobs),
            streamed=bool(body.stream),
            reader=GoogleAnswer(self._thoughts, choices=body.choices),
            answer=completion_answer(body, now),
        )

    def _count(self, body: ChatCompletionRequest, name: str) -> CloudCall:
        plain = name.removeprefix("models/")
        return CloudCall(
            path=f"{_path(name)}:countTokens",
            body=google_count(google_chat(body, plain, self._thoughts), plain),
            streamed=False,
            reader=CountAnswer("totalTokens"),
            answer=COUNTED,
        )

    def page(self, json: Json) -> ModelPage:
        models = [
            served(
                GOOGLE,
                str(each["name"]).removeprefix("models/"),
                _able(each),
                context_length=int(each.get("inputTokenLimit") or 0),
            )
            for each in json.get("models") or ()
        ]
        token = json.get("nextPageToken")
        following = f"{self.models_path}&pageToken={quote(str(token), safe='')}" if token else None
        return ModelPage([each for each in models if each.capabilities], following)


def _able(model: Mapping[str, Any]) -> frozenset[Capability]:
    methods = model.get("supportedGenerationMethods") or ()
    found = [capabilities for method, capabilities in _METHODS.items() if method in methods]
    return frozenset[Capability]().union(*found)


def _path(name: str) -> str:
    return f"/{name}" if "/" in name else f"/models/{name}"


def _generate(name: str, *, streamed: bool) -> str:
    return _path(name) + (":streamGenerateContent?alt=sse" if streamed else ":generateContent")
