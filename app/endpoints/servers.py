"""The endpoints of the gateway that the records stand for."""

from collections.abc import Callable, Sequence

from corral.app.endpoints.book import EndpointBook
from corral.app.endpoints.health import Health, is_routable
from corral.app.endpoints.record import EndpointRecord
from corral.app.gateway.endpoint import Endpoint, EndpointId, ServedModel
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.gateway.standing import Machine
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.endpoint import KEEP_ALIVE_S, ServerEndpoint
from corral.app.upstream.server import Server


class Servers:
    """One endpoint for each record that is enabled. Changes of the records count at once, also for requests that wait."""

    def __init__(
        self,
        *,
        book: EndpointBook,
        health: Callable[[str], Health],
        client: UpstreamClient,
        experience: Experience,
        observer: Observer | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._book = book
        self._health = health
        self._client = client
        self._experience = experience
        self._observer = observer
        self._keep_alive_s = keep_alive_s
        self._endpoints: dict[str, ServerEndpoint] = {}

    def endpoints(self) -> Sequence[Endpoint]:
        """Also of those that are offline: the gateway asks which are online."""
        return tuple(self._endpoints.values())

    def records_changed(self) -> None:
        """Have one for each record, and forget those that are gone."""
        wanted = {record.id: record for record in self._book.all() if record.enabled}
        for id in self._endpoints.keys() - wanted.keys():
            del self._endpoints[id]
            self._experience.forget(EndpointId(id))
        for id, record in wanted.items():
            if id not in self._endpoints:
                self._endpoints[id] = self._endpoint(_Place(record, self._book, self._health))

    def _endpoint(self, place: "_Place") -> ServerEndpoint:
        return ServerEndpoint(
            server=place.server,
            models=place.models,
            name_there=place.name_there,
            machine=place.machine,
            client=self._client,
            observer=self._observer,
            experience=self._experience,
            keep_alive_s=self._keep_alive_s,
        )


class _Place:
    """What a record says now; the last it said, if it is gone."""

    def __init__(self, record: EndpointRecord, book: EndpointBook, health: Callable[[str], Health]) -> None:
        self._record = record
        self._server = record.server
        self._book = book
        self._health = health

    def server(self) -> Server:
        record = self._book.find(self._record.id)
        if record is not None and record is not self._record:
            self._record, self._server = record, record.server
        return self._server

    def models(self) -> Sequence[ServedModel]:
        return self._book.models(self._record.id).served

    def name_there(self, model: str) -> str | None:
        """None also if it was removed or switched off while a request waited: then others are asked."""
        record = self._book.find(self._record.id)
        if record is None or not record.enabled:
            return None
        found = self._book.models(record.id).find(model)
        return None if found is None else found.id

    def machine(self) -> Machine:
        record = self._book.find(self._record.id)
        if record is None or not record.enabled:
            return Machine(online=False)
        health = self._health(record.id)
        online = is_routable(health, has_models=bool(self._book.models(record.id).models))
        return Machine(online=online, weight=record.weight)
