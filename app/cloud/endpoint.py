"""A cloud provider as an endpoint of the gateway."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import orjson

from corral.app.cloud.credentials import Credentials
from corral.app.cloud.errors import CloudRefused
from corral.app.cloud.providers import Provider, cloud_model
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.errors import CloudKeyMissing
from corral.app.gateway.standing import Machine, Standing

SLOTS = 64  # requests for one model at the same time
_ELSEWHERE = Machine()
_STANDING = Standing(machine=_ELSEWHERE)


class Way(Protocol):
    """How a provider is asked."""

    def answers(self, path: str, model: str) -> bool:
        """As Endpoint.answers."""

    async def answer(self, request: GatewayRequest, name: str) -> GatewayResponse:
        """Ask the model that the provider calls `name`. Raises EngineError and CloudRefused before the first byte."""


class CloudEndpoint:
    """Endpoint over one provider. Every name with its prefix is a model of it, listed or not."""

    def __init__(
        self,
        *,
        credentials: Callable[[], Credentials],
        models: Callable[[], Sequence[ServedModel]],
        way: Way,
    ) -> None:
        """`credentials` are those that count at the moment."""
        self._credentials = credentials
        self._models = models
        self._way = way
        self._provider = credentials().provider
        self._id = cloud_id(self._provider)

    @property
    def id(self) -> EndpointId:
        return self._id

    @property
    def name(self) -> str:
        return self._provider.title

    def models(self) -> Sequence[ServedModel]:
        return self._models()

    def listed_name(self, model: str) -> str | None:
        found = cloud_model(model)
        return found.id if found is not None and found.provider is self._provider else None

    def answers(self, path: str, model: str) -> bool:
        return self._way.answers(path, model)

    def slots(self, model: str) -> int:
        return SLOTS

    def machine(self) -> Machine:
        return _ELSEWHERE

    def standing(self, model: str) -> Standing:
        return _STANDING

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Raises EngineError and CloudKeyMissing before the first byte."""
        if self._credentials().api_key is None:
            raise CloudKeyMissing(_missing_key(self._provider), param="model")
        found = cloud_model(request.model)
        assert found is not None, "the gateway asks for models of this endpoint only"
        try:
            answer = await self._way.answer(request, found.name)
        except CloudRefused as refused:
            request.trace.error_code = str(refused.told["code"])
            return _refused(refused)
        request.trace.node_name = self.name
        return answer


def cloud_id(provider: Provider) -> EndpointId:
    """The endpoint of a provider."""
    return EndpointId(f"cloud:{provider.name}")


def _missing_key(provider: Provider) -> str:
    return (
        f"no API key for {provider.title} is set: an administrator can give it with "
        f"`corral cloud set {provider.name}`, or in the setting CORRAL_{provider.key_setting.upper()}"
    )


def _refused(refused: CloudRefused) -> GatewayResponse:
    headers = {"content-type": "application/json"}
    if refused.retry_after_s is not None:
        headers["retry-after"] = str(refused.retry_after_s)
    return GatewayResponse(
        status=refused.status, headers=headers, body=_once(orjson.dumps({"error": refused.told}))
    )


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
