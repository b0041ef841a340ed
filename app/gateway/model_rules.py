"""What a request's `model` may say. Pure."""

from collections.abc import Mapping
from typing import Any

from corral.app.cloud.providers import cloud_model
from corral.app.gateway.errors import MissingModel
from corral.engines.errors import InvalidRequest

MAX_NAME_LENGTH = 512


def requested_model(json: Mapping[str, Any]) -> str:
    """The model's name. Raises MissingModel or InvalidRequest."""
    name = json.get("model")
    if name is None or name == "":
        raise MissingModel
    if not isinstance(name, str):
        raise InvalidRequest("`model` must be a string", param="model")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest(f"`model` has more than {MAX_NAME_LENGTH} characters", param="model")
    if (cloud := cloud_model(name)) is not None:
        if not cloud.name:
            raise InvalidRequest(f"name a model after {cloud.id!r}, as GET /v1/models does", param="model")
        return name
    if name.count(":") > 1:
        raise InvalidRequest(
            "`model` has more than one colon; `name:QUANTISATION` is what it may look like", param="model"
        )
    return name
