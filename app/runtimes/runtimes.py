"""The runtimes that registered by HTTP, as the router deals with them: records, live state, endpoints."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import structlog

from corral.app.gateway.endpoint import Endpoint, EndpointId
from corral.app.gateway.experience import Experience
from corral.app.runtimes.book import Registered, RuntimeBook
from corral.app.runtimes.document import metrics_document, runtime_document
from corral.app.runtimes.errors import Disconnected, GpuRequired, NoSuchRuntime, WrongToken
from corral.app.runtimes.health import Judgement, Status, judged
from corral.app.runtimes.heartbeat import Heartbeat, load_document
from corral.app.runtimes.live import LiveRuntime
from corral.app.runtimes.model_list import Listing
from corral.app.runtimes.record import Registration, RuntimeId, RuntimeRecord
from corral.peers.replication.ledger import Ledger

_LOG = structlog.get_logger(__name__)


class Rules(Protocol):
    """What the settings say now."""

    @property
    def node_timeout(self) -> float: ...

    @property
    def allow_no_gpu(self) -> bool: ...


EndpointOf = Callable[[RuntimeRecord, "Runtimes"], Endpoint]


class Runtimes:
    """`open` it before use. What it knows besides the records is in memory: a new router learns it anew."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        node: str,
        rules: Callable[[], Rules],
        endpoint_of: EndpointOf,
        experience: Experience,
        ours: Callable[[Endpoint], int] = lambda endpoint: 0,
        changed: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`node` is this one's id. `ours`: how many requests this node has at an endpoint. `changed` is called when a runtime may have become able to answer."""
        self._book = RuntimeBook(ledger, on_change=self._note_change)
        self._node = node
        self._rules = rules
        self._endpoint_of = endpoint_of
        self._experience = experience
        self._ours = ours
        self._changed = changed
        self._now = now
        self._live: dict[RuntimeId, LiveRuntime] = {}
        self._endpoints: dict[RuntimeId, Endpoint] = {}
        self.news = asyncio.Event()  # something happened that the watch should look at

    @property
    def node(self) -> str:
        """The id of this one."""
        return self._node

    async def open(self) -> None:
        """Read the records."""
        await self._book.load()

    # --- what the gateway and the dashboard see

    def endpoints(self) -> Sequence[Endpoint]:
        """Of all of them, also those that can't answer: the gateway asks which are online."""
        return tuple(self._endpoints.values())

    def records(self) -> Sequence[RuntimeRecord]:
        """Oldest first."""
        return self._book.all()

    def documents(self) -> list[dict[str, Any]]:
        """For the dashboard, oldest first."""
        return [self.document(record) for record in self._book.all()]

    def document(self, record: RuntimeRecord) -> dict[str, Any]:
        """One of them."""
        failure = self._experience.failures.last(endpoint_id(record.id))
        return runtime_document(record, self.live(record), self.judgement(record), failure)

    def metrics(self) -> list[dict[str, Any]]:
        """The numbers of their last heartbeats."""
        return [
            metrics_document(record, self.live(record), self.judgement(record)) for record in self._book.all()
        ]

    def counts(self) -> dict[str, int]:
        """How many there are by status."""
        counts = dict.fromkeys((each.value for each in Status), 0)
        for record in self._book.all():
            counts[self.judgement(record).status.value] += 1
        return counts

    def samples(self, id: str) -> list[dict[str, Any]] | None:
        """The last hour of one's load, oldest first; None if it isn't known."""
        record = self._book.get(id)
        if record is None:
            return None
        return [load_document(at, beat) for at, beat in self.live(record).samples]

    def record(self, id: str) -> RuntimeRecord:
        """Raises NoSuchRuntime."""
        record = self._book.get(id)
        if record is None:
            raise NoSuchRuntime
        return record

    def current(self, record: RuntimeRecord) -> RuntimeRecord | None:
        """The record as it is now; None if it is gone."""
        return self._book.get(record.id)

    def of_token(self, token: str) -> RuntimeRecord | None:
        """Whose token this is."""
        return self._book.of_token(token)

    def judgement(self, record: RuntimeRecord) -> Judgement:
        """How it is now."""
        timeout_s = self._rules().node_timeout
        return judged(record, self.live(record).facts, node=self._node, now=self._now(), timeout_s=timeout_s)

    def live(self, record: RuntimeRecord) -> LiveRuntime:
        """What is known of it besides its record."""
        live = self._live.get(record.id)
        if live is None:
            live = self._live[record.id] = LiveRuntime(known_since=self._now())
        return live

    # --- what runtimes say

    async def register(self, registration: Registration) -> Registered:
        """Raises GpuRequired, TooManyRuntimes, DiskFull."""
        if not registration.gpu_available and not self._rules().allow_no_gpu:
            raise GpuRequired
        now = self._now()
        done = await self._book.register(registration, now=now, gone=self._is_gone)
        self.live(done.record).registered(now)
        self.news.set()
        _LOG.info(
            "a runtime registered",
            runtime=done.record.id,
            name=done.record.name,
            url=done.record.base_url,
            new=done.new,
        )
        return done

    def hear(self, id: str, token: str, beat: Heartbeat) -> Status:
        """Take a heartbeat; how the runtime is now. Raises WrongToken, Disconnected."""
        record = self._book.of_token(token)
        if record is None or record.id != id:
            raise WrongToken
        if record.disconnected:
            raise Disconnected
        live, before = self.live(record), self.judgement(record).status
        live.hear(beat, ours=self._ours(self._endpoints[record.id]), now=self._now())
        after = self.judgement(record).status
        if after is not before or live.facts.wants_probe:
            self.news.set()
        if after is Status.ONLINE and before is not Status.ONLINE:
            self._changed()
        return after

    # --- what administrators do

    async def disconnect(self, id: str) -> RuntimeRecord:
        """Let it be offline until it registers again. Raises NoSuchRuntime, DiskFull."""
        return await self._book.disconnect(id)

    async def set(self, id: str, changes: dict[str, object]) -> RuntimeRecord:
        """Change settings, by their names in RuntimeSettings. Raises NoSuchRuntime, DiskFull."""
        return await self._book.set(id, changes)

    async def remove(self, id: str) -> None:
        """Forget it. Raises NoSuchRuntime, DiskFull."""
        await self._book.remove(id)

    # --- what the watch says

    def reached(self, asked: RuntimeRecord, listing: Listing) -> None:
        """It listed its models."""
        if self._is_there(asked):
            self.live(asked).reached(listing, now=self._now())
            self.news.set()
            self._changed()

    def not_reached(self, asked: RuntimeRecord, error: str) -> None:
        """It did not."""
        if self._is_there(asked):
            self.live(asked).not_reached(error)
            self.news.set()

    def take_over(self) -> None:
        """This node became the router: all get time for a heartbeat, and are asked for their models."""
        for live in self._live.values():
            live.taken_over(self._now())
        self.news.set()

    # --- inside

    def _is_there(self, asked: RuntimeRecord) -> bool:
        """Whether it is still known, and where it was asked."""
        record = self._book.get(asked.id)
        return record is not None and record.base_url == asked.base_url

    def _is_gone(self, id: RuntimeId) -> bool:
        record = self._book.get(id)
        return record is None or self.judgement(record).status is Status.OFFLINE

    def _note_change(self, ids: Collection[str]) -> None:
        for id in map(RuntimeId, ids):
            if self._book.get(id) is None:
                self._live.pop(id, None)
                self._endpoints.pop(id, None)
                self._experience.forget(endpoint_id(id))
            elif id not in self._endpoints:
                self._endpoints[id] = self._endpoint_of(self.record(id), self)
        self.news.set()
        self._changed()


def endpoint_id(id: str) -> EndpointId:
    """The endpoint of a runtime."""
    return EndpointId(f"runtime:{id}")
