"""A runtime as an endpoint of the gateway: a server elsewhere that says itself how busy it is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from corral.app.gateway.endpoint import ServedModel
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.gateway.standing import Machine, Standing
from corral.app.runtimes.health import Status
from corral.app.runtimes.heartbeat import machine_of
from corral.app.runtimes.record import RuntimeRecord
from corral.app.runtimes.runtimes import Runtimes, endpoint_id
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.endpoint import KEEP_ALIVE_S, ServerEndpoint
from corral.app.upstream.server import Server

_GONE = Machine(online=False)


class RuntimeEndpoint(ServerEndpoint):
    """Endpoint over a runtime that registered by HTTP."""

    def __init__(
        self,
        record: RuntimeRecord,
        runtimes: Runtimes,
        *,
        client: UpstreamClient,
        observer: Observer | None = None,
        experience: Experience | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Follows the record; what runs when it is removed ends as it would have."""
        self._record = record
        self._runtimes = runtimes
        super().__init__(
            server=self._as_server,
            models=self._listed_models,
            name_there=self._id_there,
            client=client,
            machine=self._as_machine,
            observer=observer,
            experience=experience,
            keep_alive_s=keep_alive_s,
            now=now,
        )

    def standing(self, model: str) -> Standing:
        standing = super().standing(model)
        record = self._runtimes.current(self._record)
        active = 0 if record is None else self._runtimes.live(record).others_active
        return replace(standing, active=active) if active else standing

    def _as_server(self) -> Server:
        self._record = self._runtimes.current(self._record) or self._record
        record = self._record
        return Server(
            id=endpoint_id(record.id),
            name=record.name,
            base_url=record.base_url,
            kind=self._runtimes.live(record).listing.kind,
            weight=record.settings.weight,
            slots=record.settings.max_concurrent,
        )

    def _listed_models(self) -> Sequence[ServedModel]:
        record = self._runtimes.current(self._record)
        return () if record is None else self._runtimes.live(record).listing.models

    def _id_there(self, model: str) -> str | None:
        record = self._runtimes.current(self._record)
        return None if record is None else self._runtimes.live(record).listing.ids.get(model.strip().lower())

    def _as_machine(self) -> Machine:
        record = self._runtimes.current(self._record)
        if record is None:
            return _GONE
        live = self._runtimes.live(record)
        online = self._runtimes.judgement(record).status is Status.ONLINE
        weight = record.settings.weight
        return machine_of(live.beat, live.facts.heard_at, online=online, weight=weight)
