"""What a model can do, when its server doesn't say: by its name. Pure."""

import re
from typing import Final

from corral.engines.model import Capability

TEXT: Final = frozenset({Capability.CHAT, Capability.COMPLETION})
EMBEDDINGS: Final = frozenset({Capability.EMBEDDINGS})
SEEING: Final = TEXT | {Capability.VISION}

_BY_NAME: Final = (  # the first that fits; words stand alone
    (r"re-?rank(er|ing)?|rerank-\w+", frozenset({Capability.RERANK})),
    (r"whisper|transcribe|parakeet|canary|asr|stt", frozenset({Capability.SPEECH_TO_TEXT})),
    (r"tts|kokoro|orpheus|xtts|piper|speecht5|bark", frozenset({Capability.TEXT_TO_SPEECH})),
    (
        r"dall-e|gpt-image|flux\.?\d*|stable-?diffusion|sdxl|sd-?[123x](\.\d)?|qwen-image|imagen|z-image",
        frozenset({Capability.IMAGE_GENERATION}),
    ),
    (r"embed(ding|dings|der)?|embeddinggemma|bge|e5|gte|minilm|mxbai", EMBEDDINGS),
    (r"vl|vlm|llava|vision|pixtral|moondream|minicpm-v|internvl\d*|gpt-4o|gpt-4\.1|omni", SEEING),
)
_RULES = tuple((re.compile(rf"(?<![a-z])(?:{words})(?![a-z])"), able) for words, able in _BY_NAME)


def abilities_by_name(name: str) -> frozenset[Capability]:
    """The best guess; chat and completion if the name says nothing."""
    text = name.lower()
    return next((able for pattern, able in _RULES if pattern.search(text)), TEXT)
