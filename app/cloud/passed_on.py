"""Asking OpenAI: requests go there nearly as they came, answers come back as they are."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from corral.app.gateway.endpoint import Endpoint, GatewayRequest, GatewayResponse
from corral.app.openai.token_count import COUNT_PATH

_NOT_THERE = frozenset({"/v1/rerank", COUNT_PATH})
_THINKING = re.compile(r"^(o\d|gpt-[5-9])")


class PassedOnWay:
    """A Way. `endpoint` forwards to OpenAI."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def answers(self, path: str, model: str) -> bool:
        return path not in _NOT_THERE

    async def answer(self, request: GatewayRequest, name: str) -> GatewayResponse:
        json = accepted(request.json, name)
        return await self._endpoint.forward(request if json is request.json else replace(request, json=json))


def accepted(json: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Without what OpenAI refuses though it is usual elsewhere. Pure; the same object if there is nothing of it."""
    changed: dict[str, Any] = {}
    messages = json.get("messages")
    if isinstance(messages, list) and any(_has_thoughts(each) for each in messages):
        changed["messages"] = [
            {field: value for field, value in each.items() if field != "reasoning_content"}
            if _has_thoughts(each)
            else each
            for each in messages
        ]
    if messages is not None and "max_tokens" in json and _THINKING.match(name):
        changed["max_completion_tokens"] = json.get("max_completion_tokens") or json["max_tokens"]
    if not changed:
        return json
    left_out = {"max_tokens"} if "max_completion_tokens" in changed else set[str]()
    return {field: value for field, value in json.items() if field not in left_out} | changed


def _has_thoughts(message: object) -> bool:
    return isinstance(message, Mapping) and "reasoning_content" in message
