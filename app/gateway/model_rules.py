"""What a request's `model` may say. Pure."""

from collections.abc import Mapping
from typing import Any

from corral.app.gateway.errors import CloudKeyMissing, MissingModel
from corral.engines.errors import InvalidRequest

CLOUD_KEYS = {  # prefix → the setting that would hold the provider's key
    "openai": "CORRAL_OPENAI_API_KEY",
    "google": "CORRAL_GOOGLE_API_KEY",
    "anthropic": "CORRAL_ANTHROPIC_API_KEY",
    "ahtnorpic": "CORRAL_ANTHROPIC_API_KEY",
}
MAX_NAME_LENGTH = 512


def requested_model(json: Mapping[str, Any]) -> str:
    """The model's name. Raises MissingModel, InvalidRequest or CloudKeyMissing."""
    name = json.get("model")
    if name is None or name == "":
        raise MissingModel
    if not isinstance(name, str):
        raise InvalidRequest("`model` must be a string", param="model")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest(f"`model` has more than {MAX_NAME_LENGTH} characters", param="model")
    prefix, colon, _ = name.partition(":")
    if colon and (setting := CLOUD_KEYS.get(prefix.lower())):
        raise CloudKeyMissing(
            f"no key for {prefix.lower()} is set on this node; set {setting}", param="model"
        )
    if name.count(":") > 1:
        raise InvalidRequest(
            "`model` has more than one colon; `name:QUANTISATION` is what it may look like", param="model"
        )
    return name
