"""The cloud providers, made of a node's settings and open files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from corral.app.cloud.anthropic import Anthropic
from corral.app.cloud.client import CloudClient
from corral.app.cloud.credentials import Credentials
from corral.app.cloud.dialect import Dialect, Lister
from corral.app.cloud.endpoint import SLOTS, CloudEndpoint, Way, cloud_id
from corral.app.cloud.google import Google
from corral.app.cloud.keys import CloudKeys
from corral.app.cloud.metrics import CloudMetrics
from corral.app.cloud.model_list import ModelList
from corral.app.cloud.openai_models import OpenAIModels
from corral.app.cloud.passed_on import PassedOnWay
from corral.app.cloud.providers import OPENAI, Provider, cloud_model
from corral.app.cloud.thoughts import Thoughts
from corral.app.cloud.translated import TranslatedWay
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Meters, Observer
from corral.app.settings_table import Settings
from corral.app.supervisor import Supervisor
from corral.app.upstream.client import Asking
from corral.app.upstream.endpoint import ServerEndpoint
from corral.app.upstream.server import Server
from corral.peers.replication.ledger import Ledger

_LOOK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """One provider with everything around it."""

    provider: Provider
    endpoint: CloudEndpoint
    models: ModelList


class CloudProviders:
    """All of them. `load` it before use."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        cluster_key: Callable[[], bytes],
        client: Asking,
        registry: CollectorRegistry,
        is_router: Callable[[], bool],
        experience: Experience | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Lists of models are asked for while this machine is the router. `registry` is the node's."""
        self.keys = CloudKeys(ledger, settings, cluster_key=cluster_key)
        self.metrics = CloudMetrics(registry)
        self._settings = settings
        self._client = client
        self._is_router = is_router
        self._experience = experience or Experience()
        self._observer = observer
        thoughts = Thoughts()
        google, anthropic = Google(thoughts), Anthropic(thoughts)
        self._reached = {
            each.provider.name: each
            for each in (self._openai(), self._translated(google), self._translated(anthropic))
        }

    def endpoints(self) -> Sequence[Endpoint]:
        """One for each provider, also those without a key: they say so when they are asked."""
        return [each.endpoint for each in self._reached.values()]

    def usable(self) -> Sequence[Endpoint]:
        """Those with a key."""
        present = self.keys.present()
        return [each.endpoint for name, each in self._reached.items() if present[name]]

    async def load(self) -> None:
        """Read what the cluster has set."""
        await self.keys.load()

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep the lists of models fresh."""
        supervisor.every(_LOOK_S, "listing the models of cloud providers", self.refresh_if_due)

    async def refresh_if_due(self) -> None:
        """Ask for what is old or was never asked for."""
        if self._is_router():
            for each in self._reached.values():
                await each.models.refresh_if_due()

    async def refresh(self) -> None:
        """Ask for all lists now."""
        for each in self._reached.values():
            if self.keys.of(each.provider).api_key is not None:
                await each.models.refresh()

    async def set(self, provider: Provider, *, api_key: str | None, base_url: str | None) -> None:
        """Credentials for the whole cluster, tried at once: `status` says what came of it. Raises DiskFull."""
        await self.keys.set(provider, api_key=api_key, base_url=base_url)
        self._experience.forget(cloud_id(provider))
        await self._reached[provider.name].models.refresh_if_due()

    async def remove(self, provider: Provider) -> None:
        """What was set for the cluster counts no more. Raises DiskFull."""
        await self.keys.remove(provider)
        self._experience.forget(cloud_id(provider))

    def metrics_text(self) -> bytes:
        """Their numbers for Prometheus."""
        return self.metrics.text()

    def status(self, provider: Provider) -> dict[str, Any]:
        """For administrators, without the key."""
        credentials, reached = self.keys.of(provider), self._reached[provider.name]
        failure = self._experience.failures.last(cloud_id(provider))
        source = "cluster" if credentials.from_cluster else "settings"
        return {
            "provider": provider.name,
            "name": provider.title,
            "key_present": credentials.api_key is not None,
            "key_source": None if credentials.api_key is None else source,
            "base_url": credentials.base_url,
            "last_error": reached.models.last_error if failure is None else failure.message,
            "models": len(reached.models.models()),
        }

    def _openai(self) -> _Reached:
        credentials = self._credentials(OPENAI)
        models = self._models(OpenAIModels(), credentials)
        forwarding = ServerEndpoint(
            server=lambda: self._server(credentials()),
            models=models.models,
            name_there=_name_at_openai,
            client=self._asking(credentials),
            observer=self._observer,
            experience=self._experience,
            keep_alive_s=self._settings.keep_alive_s,
        )
        return self._complete(credentials, models, PassedOnWay(forwarding))

    def _translated(self, dialect: Dialect) -> _Reached:
        provider = dialect.provider
        credentials = self._credentials(provider)
        models = self._models(dialect, credentials)
        way = TranslatedWay(
            dialect=dialect,
            client=self._asking(credentials),
            credentials=credentials,
            models=models.models,
            meters=Meters(
                endpoint=cloud_id(provider),
                listed_name=_id_of,
                observer=self._observer,
                experience=self._experience,
            ),
            timeout_s=self._settings.cloud_timeout_secs,
            keep_alive_s=self._settings.keep_alive_s,
        )
        return self._complete(credentials, models, way)

    def _complete(self, credentials: Callable[[], Credentials], models: ModelList, way: Way) -> _Reached:
        endpoint = CloudEndpoint(credentials=credentials, models=models.models, way=way)
        return _Reached(provider=credentials().provider, endpoint=endpoint, models=models)

    def _credentials(self, provider: Provider) -> Callable[[], Credentials]:
        return lambda: self.keys.of(provider)

    def _models(self, lister: Lister, credentials: Callable[[], Credentials]) -> ModelList:
        client = CloudClient(client=self._client, credentials=credentials)
        return ModelList(lister=lister, client=client, credentials=credentials)

    def _asking(self, credentials: Callable[[], Credentials]) -> CloudClient:
        return CloudClient(client=self._client, credentials=credentials, observer=self.metrics)

    def _server(self, credentials: Credentials) -> Server:
        provider = credentials.provider
        return Server(
            id=cloud_id(provider),
            name=provider.title,
            base_url=credentials.base_url,
            api_key=credentials.api_key,
            timeout_s=self._settings.cloud_timeout_secs,
            slots=SLOTS,
        )


def _name_at_openai(model: str) -> str | None:
    found = cloud_model(model)
    return found.name if found is not None and found.provider is OPENAI else None


def _id_of(model: str) -> str | None:
    found = cloud_model(model)
    return None if found is None else found.id
