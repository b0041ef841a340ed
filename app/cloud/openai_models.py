"""OpenAI's list of models. Pure.

Source: https://platform.openai.com/docs/api-reference/models/list
"""

import re
from collections.abc import Mapping
from typing import Final

from corral.app.cloud.call import Json
from corral.app.cloud.dialect import ModelPage, served
from corral.app.cloud.providers import OPENAI, Provider
from corral.engines.model import Capability

_CHAT = frozenset({Capability.CHAT, Capability.VISION})
_BY_NAME: Final = (  # the list says nothing of what a model can do; the first that fits counts
    (re.compile(r"embedding"), frozenset({Capability.EMBEDDINGS})),
    (re.compile(r"^whisper|-transcribe"), frozenset({Capability.SPEECH_TO_TEXT})),
    (re.compile(r"^tts-|-tts\b"), frozenset({Capability.TEXT_TO_SPEECH})),
    (re.compile(r"^dall-e|image"), frozenset({Capability.IMAGE_GENERATION})),
    (re.compile(r"-instruct|^davinci|^babbage"), frozenset({Capability.COMPLETION})),
    (re.compile(r"moderation|realtime|^sora"), frozenset[Capability]()),
    (re.compile(r"^gpt-3\.5|^gpt-4(?:-0|-1106|$)|^o1-mini|^o3-mini"), frozenset({Capability.CHAT})),
)


class OpenAIModels:
    """Lister of OpenAI."""

    provider: Provider = OPENAI
    models_path = "/v1/models"

    def headers(self, api_key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {api_key}"}

    def page(self, json: Json) -> ModelPage:
        models = [
            served(OPENAI, str(each["id"]), able(str(each["id"])), created=int(each.get("created") or 0))
            for each in json["data"]
        ]
        return ModelPage(models, None)


def able(name: str) -> frozenset[Capability]:
    """What a model can do, read off its name."""
    return next((capabilities for pattern, capabilities in _BY_NAME if pattern.search(name)), _CHAT)
