"""The cloud providers: which have a key, keys for the whole cluster, their numbers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import Field

from corral.app.api.answers import Open
from corral.app.api.call import Call, json_answer, once
from corral.app.api.metrics import CONTENT_TYPE
from corral.app.api.people_bodies import Strict
from corral.app.api.request_errors import ProviderNotFound
from corral.app.api.route import Route
from corral.app.cloud.providers import PROVIDERS, Provider
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest

_PATH = "/v0/cloud"
_PLAIN_TEXT = "text/plain"

Document = Mapping[str, Any]


class CloudControl(Protocol):
    """What can be done. Documents are as CloudProvider shapes them."""

    def status(self, provider: Provider) -> Document: ...

    async def set(self, provider: Provider, *, api_key: str | None, base_url: str | None) -> None: ...

    async def remove(self, provider: Provider) -> None: ...

    def metrics_text(self) -> bytes: ...


class CloudProvider(Open):
    """`key_source`: `cluster` or `settings`; null without a key. `last_error` is of its last answer or list of models;
    `models` says how many it listed."""

    provider: str
    name: str
    key_present: bool
    key_source: str | None
    base_url: str
    last_error: str | None
    models: int


class CloudProviderList(Open):
    providers: list[CloudProvider]
    total: int


class CloudCredentials(Strict):
    """For all machines of the cluster. What is left out stays as it is. A key is never given out again."""

    api_key: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[!-~]+$")] | None = None
    base_url: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class CloudRoutes:
    """Handlers of /v0/cloud."""

    def __init__(self, *, control: CloudControl) -> None:
        self._control = control

    async def list(self, call: Call) -> GatewayResponse:
        found = [self._control.status(each) for each in PROVIDERS.values()]
        return json_answer({"providers": found, "total": len(found)})

    async def set(self, call: Call) -> GatewayResponse:
        provider = _provider(call)
        wanted = validated(CloudCredentials, call.json)
        if wanted.api_key is None and wanted.base_url is None:
            raise InvalidRequest("give an `api_key`, a `base_url` or both", param="api_key")
        if wanted.base_url is not None:
            _check_url(wanted.base_url)
        await self._control.set(provider, api_key=wanted.api_key, base_url=wanted.base_url)
        return json_answer(self._control.status(provider))

    async def remove(self, call: Call) -> GatewayResponse:
        provider = _provider(call)
        await self._control.remove(provider)
        return json_answer(self._control.status(provider))

    async def metrics(self, call: Call) -> GatewayResponse:
        return GatewayResponse(
            status=200, headers={"content-type": CONTENT_TYPE}, body=once(self._control.metrics_text())
        )

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=_PATH,
                handler=self.list,
                summary="List the cloud providers",
                access=MANAGEMENT,
                answer=CloudProviderList,
            ),
            Route(
                method="PUT",
                path=f"{_PATH}/<id>",
                handler=self.set,
                summary="Set a cloud provider's key for the cluster",
                access=MANAGEMENT,
                body=CloudCredentials,
                answer=CloudProvider,
                errors=(404, 507),
            ),
            Route(
                method="DELETE",
                path=f"{_PATH}/<id>",
                handler=self.remove,
                summary="Remove a cloud provider's key from the cluster",
                access=MANAGEMENT,
                answer=CloudProvider,
                errors=(404, 507),
            ),
            Route(
                method="GET",
                path="/v0/metrics/cloud",
                handler=self.metrics,
                summary="Count the requests to cloud providers",
                access=MANAGEMENT,
                answer_types=(_PLAIN_TEXT,),
            ),
        ]


def _provider(call: Call) -> Provider:
    name = call.parameters["id"]
    provider = PROVIDERS.get(name)
    if provider is None:
        raise ProviderNotFound(name, list(PROVIDERS))
    return provider


def _check_url(url: str) -> None:
    """Raises InvalidRequest."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment or parts.username is not None:
        raise InvalidRequest(
            "`base_url` is an address like https://api.openai.com, without credentials and parameters",
            param="base_url",
        )
