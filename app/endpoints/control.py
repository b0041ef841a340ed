"""What can be done with endpoints. On the router."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from corral.app.endpoints.base_url import is_own, normalised
from corral.app.endpoints.book import EndpointBook
from corral.app.endpoints.documents import endpoint_document, failed_document, test_document
from corral.app.endpoints.errors import NotReached, NotSynced, OwnFrontDoor
from corral.app.endpoints.health import Status
from corral.app.endpoints.prober import Prober
from corral.app.endpoints.record import EndpointRecord
from corral.app.gateway.endpoint import EndpointId
from corral.app.upstream.server import Server, ServerKind

FIRST_LOOK_S: Final = 3.0  # a new endpoint is waited for so long; then it is looked at in the background
_NOBODY: Final = EndpointId("")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNumbers:
    """One endpoint for metrics. `latency_s`: of its last answer to a look."""

    name: str
    online: bool
    models: int
    latency_s: float | None


class EndpointControl:
    """Documents are as `api.endpoint_answers` shapes them."""

    def __init__(
        self,
        *,
        book: EndpointBook,
        prober: Prober,
        own_hosts: Callable[[], Collection[str]],
        own_port: Callable[[], int],
    ) -> None:
        """`own_hosts`: names of this machine in lower case; with `own_port` they are its own front doors."""
        self._book = book
        self._prober = prober
        self._own_hosts = own_hosts
        self._own_port = own_port

    def documents(self) -> list[Document]:
        """Every endpoint, oldest first."""
        return [self._document(record) for record in self._book.all()]

    def document(self, id: str) -> Document:
        """Raises EndpointNotFound."""
        return self._document(self._book.get(id))

    def models(self, id: str) -> list[Document]:
        """What it listed last. Raises EndpointNotFound."""
        self._book.get(id)
        return [each.document() for each in self._book.models(id).models]

    async def create(self, *, base_url: str, api_key: str | None, values: Mapping[str, object]) -> Document:
        """Keep a new one and look at it. Raises InvalidBaseUrl, DuplicateName, DuplicateEndpoint, DiskFull."""
        url = self._checked(base_url)
        record = await self._book.create(api_key=api_key, values={**values, "base_url": url})
        await self._prober.first_look(record.id, within_s=FIRST_LOOK_S)
        if self._prober.is_own_front_door(record.id):
            await self._book.remove(record.id)
            raise OwnFrontDoor
        return self.document(record.id)

    async def change(
        self,
        id: str,
        values: Mapping[str, object],
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        new_key: bool = False,
    ) -> Document:
        """What isn't named stays. Raises EndpointNotFound and what `create` raises."""
        url = {} if base_url is None else {"base_url": self._checked(base_url)}
        await self._book.change(id, {**values, **url}, api_key=api_key, new_key=new_key)
        return self.document(id)

    async def remove(self, id: str) -> str:
        """Its name. Requests that wait go elsewhere. Raises EndpointNotFound, DiskFull."""
        name = self._book.get(id).name
        await self._book.remove(id)
        return name

    async def test(self, id: str) -> Document:
        """Whether it answers, and what it is. Raises EndpointNotFound."""
        record = self._book.get(id)
        try:
            found = await self._prober.test(record)
        except (NotReached, NotSynced, OwnFrontDoor) as error:
            return failed_document(error.message)
        return test_document(found)

    async def try_out(self, *, base_url: str, api_key: str | None, wanted: ServerKind | None) -> Document:
        """The same of a server that is not kept. Raises InvalidBaseUrl, OwnFrontDoor."""
        url = self._checked(base_url)
        server = Server(id=_NOBODY, name=urlsplit(url).netloc, base_url=url, api_key=api_key)
        try:
            found = await self._prober.ask(server, wanted=wanted)
        except (NotReached, NotSynced) as error:
            return failed_document(error.message)
        return test_document(found)

    async def sync(self, id: str) -> Document:
        """Take over its list of models. Raises EndpointNotFound, NotReached, NotSynced, OwnFrontDoor, DiskFull."""
        found, changed = await self._prober.examine(self._book.get(id))
        return {
            "synced_models": len(found.models),
            "added": sorted(changed.added),
            "removed": sorted(changed.removed),
            "updated": sorted(changed.updated),
        }

    def numbers(self) -> list[EndpointNumbers]:
        """For metrics."""
        return [self._numbers(record) for record in self._book.all() if record.enabled]

    def _numbers(self, record: EndpointRecord) -> EndpointNumbers:
        health = self._prober.health(record.id)
        return EndpointNumbers(
            name=record.name,
            online=health.status is Status.ONLINE,
            models=len(self._book.models(record.id).models),
            latency_s=health.latency_s,
        )

    def _document(self, record: EndpointRecord) -> Document:
        models = len(self._book.models(record.id).models)
        return endpoint_document(record, self._prober.health(record.id), models=models)

    def _checked(self, base_url: str) -> str:
        url = normalised(base_url)
        if is_own(url, hosts=self._own_hosts(), port=self._own_port()):
            raise OwnFrontDoor
        return url
