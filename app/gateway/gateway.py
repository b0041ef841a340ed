"""The way of an inference request: whose model is it, who answers, who is next if that fails."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from corral.app.gateway.endpoint import Endpoint, GatewayRequest, GatewayResponse
from corral.app.gateway.errors import NoCapableEndpoint
from corral.app.gateway.models import merged, model_document
from corral.engines.errors import EngineError, InvalidRequest, ModelNotFound

MAX_ATTEMPTS = 3
_LOG = structlog.get_logger(__name__)


class Gateway:
    """Forwards requests to endpoints. `endpoints` is asked for every request, so they may come and go."""

    def __init__(self, *, endpoints: Callable[[], Sequence[Endpoint]]) -> None:
        self._endpoints = endpoints

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Raises EngineError or GatewayError before the first byte.

        An endpoint that fails before the first byte is followed by the next; an answer that says the request is
        wrong (4xx) is final.
        """
        failure: Exception | None = None
        for endpoint in candidates(self._endpoints(), request.model)[:MAX_ATTEMPTS]:
            try:
                answer = await endpoint.forward(request)
            except InvalidRequest:
                raise
            except EngineError as error:
                _LOG.info("endpoint failed", endpoint=endpoint.name, model=request.model, error=error.message)
                failure = error if failure is None or isinstance(failure, ModelNotFound) else failure
                continue
            request.trace.endpoint_id, request.trace.endpoint_name = endpoint.id, endpoint.name
            return replace(answer, headers={**answer.headers, **_who(endpoint)})
        raise failure or NoCapableEndpoint(
            f"nobody can serve model {request.model!r} now; see GET /v1/models", param="model"
        )

    def models(self) -> list[dict[str, Any]]:
        """Every model of every endpoint, once each, as GET /v1/models lists them."""
        by_id = merged((endpoint.name, endpoint.models()) for endpoint in self._endpoints())
        return [model_document(found) for _, found in sorted(by_id.items())]

    def model(self, id: str) -> dict[str, Any]:
        """Raises ModelNotFound."""
        for document in self.models():
            if document["id"].lower() == id.lower():
                return document
        raise ModelNotFound(f"there is no model {id[:100]!r}; see GET /v1/models", param="model")


def candidates(endpoints: Sequence[Endpoint], model: str) -> list[Endpoint]:
    """Those that list the model; if nobody does, all of them: they may know it by another name."""
    name = model.strip().lower()
    having = [each for each in endpoints if any(served.id.lower() == name for served in each.models())]
    return having or list(endpoints)


def _who(endpoint: Endpoint) -> dict[str, str]:
    return {"x-corral-node": endpoint.name, "x-corral-endpoint": endpoint.id}
