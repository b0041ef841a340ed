"""What each inference route asks of a model. Pure."""

from collections.abc import Collection, Mapping, Sequence

from corral.app.gateway.endpoint import Endpoint
from corral.app.openai.token_count import COUNT_PATH
from corral.engines.capability import lacks
from corral.engines.errors import ModelNotFound
from corral.engines.model import Capability

NEEDED: Mapping[str, Capability] = {
    "/v1/chat/completions": Capability.CHAT,
    COUNT_PATH: Capability.CHAT,
    "/v1/completions": Capability.COMPLETION,
    "/v1/embeddings": Capability.EMBEDDINGS,
    "/v1/rerank": Capability.RERANK,
    "/v1/audio/transcriptions": Capability.SPEECH_TO_TEXT,
    "/v1/audio/translations": Capability.SPEECH_TO_TEXT,
    "/v1/audio/speech": Capability.TEXT_TO_SPEECH,
    "/v1/images/generations": Capability.IMAGE_GENERATION,
    "/v1/images/edits": Capability.IMAGE_GENERATION,
    "/v1/images/variations": Capability.IMAGE_GENERATION,
}


def is_able(capabilities: Collection[str], path: str) -> bool:
    """Whether a model can be asked there; nothing known of it means that it may."""
    needed = NEEDED.get(path)
    return not capabilities or needed is None or needed in capabilities


def able(endpoints: Sequence[Endpoint], path: str, model: str) -> list[Endpoint]:
    """Those that answer a route for a model.

    Raises ModelLacksCapability if there are endpoints, but none of them does; ModelNotFound if none knows the model.
    """
    found = [each for each in endpoints if each.answers(path, model)]
    if endpoints and not found:
        name = next(filter(None, (each.listed_name(model) for each in endpoints)), None)
        if name is None:
            raise ModelNotFound(f"there is no model {model[:100]!r}; see GET /v1/models", param="model")
        listed = [served for each in endpoints for served in each.models() if served.id == name]
        capabilities = {capability for served in listed for capability in served.capabilities}
        raise lacks(name, NEEDED[path], capabilities)
    return found
