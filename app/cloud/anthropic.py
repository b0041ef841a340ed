"""How to speak with Anthropic. Pure.

Source: https://platform.claude.com/docs/en/api/overview
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from corral.app.cloud.anthropic_answer import AnthropicAnswer
from corral.app.cloud.anthropic_request import anthropic_chat, anthropic_completion
from corral.app.cloud.call import CloudCall, Json
from corral.app.cloud.dialect import ModelPage, served
from corral.app.cloud.plain_completion import plain_prompt
from corral.app.cloud.providers import ANTHROPIC, Provider
from corral.app.cloud.thoughts import Thoughts
from corral.app.cloud.token_count import COUNTED, CountAnswer, anthropic_count
from corral.app.openai.chat_request import ChatCompletionRequest
from corral.app.openai.completions import DEFAULT_MAX_TOKENS, TextCompletionRequest
from corral.app.openai.token_count import COUNT_PATH, ChatToCount
from corral.app.openai.translate import chat_answer, completion_answer
from corral.app.openai.validation import validated
from corral.engines.model import Capability

VERSION = "2023-06-01"
_MESSAGES = "/v1/messages"
_TEXT = frozenset({Capability.CHAT, Capability.COMPLETION})


class Anthropic:
    """Dialect of Anthropic."""

    provider: Provider = ANTHROPIC
    models_path = "/v1/models?limit=1000"
    paths = frozenset({"/v1/chat/completions", "/v1/completions", COUNT_PATH})

    def __init__(self, thoughts: Thoughts) -> None:
        self._thoughts = thoughts

    def headers(self, api_key: str) -> Mapping[str, str]:
        return {"x-api-key": api_key, "anthropic-version": VERSION}

    def call(self, path: str, json: Json, name: str, *, now: int) -> CloudCall:
        if path == COUNT_PATH:
            return self._count(validated(ChatToCount, json).chat, name)
        reader = AnthropicAnswer(self._thoughts)
        if path == "/v1/chat/completions":
            body = validated(ChatCompletionRequest, json)
            return CloudCall(
                path=_MESSAGES,
                body=anthropic_chat(body, name, self._thoughts),
                streamed=bool(body.stream),
                reader=reader,
                answer=chat_answer(body, now),
            )
        plain = validated(TextCompletionRequest, json)
        prompt = plain_prompt(plain, ANTHROPIC)
        max_tokens = plain.max_tokens or DEFAULT_MAX_TOKENS
        return CloudCall(
            path=_MESSAGES,
            body=anthropic_completion(plain, prompt, name, max_tokens=max_tokens),
            streamed=bool(plain.stream),
            reader=reader,
            answer=completion_answer(plain, now),
        )

    def _count(self, body: ChatCompletionRequest, name: str) -> CloudCall:
        return CloudCall(
            path="/v1/messages/count_tokens",
            body=anthropic_count(anthropic_chat(body, name, self._thoughts)),
            streamed=False,
            reader=CountAnswer("input_tokens"),
            answer=COUNTED,
        )

    def page(self, json: Json) -> ModelPage:
        models = [
            served(
                ANTHROPIC,
                str(each["id"]),
                _TEXT | {Capability.VISION} if _sees(each) else _TEXT,
                created=_created(each),
                context_length=int(each.get("max_input_tokens") or 0),
            )
            for each in json["data"]
        ]
        last = json.get("last_id") if json.get("has_more") else None
        following = f"{self.models_path}&after_id={quote(str(last), safe='')}" if last else None
        return ModelPage(models, following)


def _sees(model: Mapping[str, Any]) -> bool:
    """All do since Claude 3, as long as nothing else is said."""
    capabilities = model.get("capabilities") or {}
    return bool((capabilities.get("image_input") or {"supported": True}).get("supported"))


def _created(model: Mapping[str, Any]) -> int:
    try:
        return max(0, int(datetime.fromisoformat(str(model.get("created_at"))).timestamp()))
    except ValueError:
        return 0
