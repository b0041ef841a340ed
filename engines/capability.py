"""Can a model do what a request asks for? Pure."""

from collections.abc import Collection

from corral.engines.errors import ModelLacksCapability
from corral.engines.model import Capability, ModelFile
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Request,
    TokenCountRequest,
)

_WORDS = {
    Capability.CHAT: "chat",
    Capability.COMPLETION: "text completion",
    Capability.EMBEDDINGS: "embeddings",
    Capability.RERANK: "reranking",
    Capability.VISION: "pictures in chats",
    Capability.SPEECH_TO_TEXT: "speech to text",
    Capability.TEXT_TO_SPEECH: "text to speech",
    Capability.IMAGE_GENERATION: "image generation",
}


def needed_capability(request: Request) -> Capability:
    """What a model must be able to do to answer this request."""
    if isinstance(request, TokenCountRequest):
        return needed_capability(request.prompt)
    if isinstance(request, ChatRequest):
        return Capability.CHAT
    if isinstance(request, CompletionRequest):
        return Capability.COMPLETION
    return Capability.EMBEDDINGS if isinstance(request, EmbeddingRequest) else Capability.RERANK


def check_capability(file: ModelFile, request: Request) -> None:
    """Raises ModelLacksCapability, saying what the model can do. A broken file's abilities aren't known."""
    needed = needed_capability(request)
    if needed in file.capabilities or file.error is not None:
        return
    raise lacks(file.name, needed, file.capabilities)


def lacks(model: str, needed: Capability, capabilities: Collection[str]) -> ModelLacksCapability:
    """The error that says what a model can do instead."""
    able = (
        ", ".join(sorted(words for each, words in _WORDS.items() if each in capabilities))
        or "nothing that can be asked for here"
    )
    return ModelLacksCapability(
        f"model {model!r} can't do {_WORDS[needed]}; what it can do: {able}", param="model"
    )
