"""Requests for the gateway, made of what a client said in its own dialect."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from corral.app.cloud.providers import cloud_model
from corral.app.gateway.endpoint import GatewayRequest


def asking(
    request: GatewayRequest, path: str, json: Mapping[str, Any], *, model: str | None = None
) -> GatewayRequest:
    """The same client's request of another path. `model`: what the name in the first one means."""
    wanted = request.model if model is None else model
    json = {**json, "model": wanted}
    return replace(
        request,
        path=path,
        headers={**request.headers, "content-type": "application/json"},
        model=wanted,
        json=json,
        body=orjson.dumps(json),
    )


def is_cloud(model: str) -> bool:
    """Whether a name means a provider's model. Providers refuse fields that they don't know."""
    return cloud_model(model) is not None
