"""Keeps an eye on every endpoint, as long as this node is the router: is it well, which models has it?"""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

import structlog

from corral.app.endpoints.book import EndpointBook
from corral.app.endpoints.errors import EndpointError, OwnFrontDoor
from corral.app.endpoints.health import NOT_ASKED, Health, Status, failed, next_look_s, succeeded
from corral.app.endpoints.inquiry import Examination, Fingerprint, Inquiry, Probe, dated
from corral.app.endpoints.offered import Difference, catalogue, difference
from corral.app.endpoints.record import EndpointRecord
from corral.app.store.errors import DiskFull
from corral.app.upstream.server import Server, ServerKind
from corral.peers.replication.errors import EditRefused

AGAIN_AT_ONCE_S: Final = 1.0  # whatever fails there, it isn't asked more often
_IDLE_S: Final = 5.0  # whether this node is the router now, in case nobody says it
_LOG = structlog.get_logger(__name__)


class Prober:
    """Health lives here, in memory: a new router asks everybody anew. Keep `run` running."""

    def __init__(
        self,
        *,
        book: EndpointBook,
        inquiry: Inquiry,
        is_router: Callable[[], bool],
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`now` gives Unix time, `clock` a time that doesn't jump."""
        self._book = book
        self._inquiry = inquiry
        self._is_router = is_router
        self._now = now
        self._clock = clock
        self._chance = chance
        self._health: dict[str, Health] = {}
        self._ways: dict[str, object] = {}  # how they were reached when they were looked at
        self._seen: dict[str, Fingerprint] = {}
        self._due: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}
        self._running: set[str] = set()
        self._own: set[str] = set()  # front doors of this cluster
        self._noted = asyncio.Event()
        self._wake = asyncio.Event()

    def health(self, id: str) -> Health:
        """How an endpoint is."""
        return self._health.get(id, NOT_ASKED)

    def is_own_front_door(self, id: str) -> bool:
        """Whether the last look at an endpoint found this very cluster."""
        return id in self._own

    async def first_look(self, id: str, *, within_s: float) -> None:
        """Returns once an endpoint was looked at, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.health(id).checked_at is None:
                    self._noted.clear()
                    await self._noted.wait()

    def hurry(self, id: str) -> None:
        """Something failed there: look at once."""
        if self._book.find(id) is not None:
            self._due[id] = min(
                self._due.get(id, 0.0), max(self._clock(), self._looked_at.get(id, 0.0) + AGAIN_AT_ONCE_S)
            )
            self._wake.set()

    def look_again(self) -> None:
        """The router may be another one now."""
        self._wake.set()

    def records_changed(self, ids: Collection[str]) -> None:
        """Records came, changed or went: one that is reached in another way is looked at anew."""
        for id in ids:
            record = self._book.find(id)
            if record is None or not record.enabled or self._ways.get(id) != _way(record):
                for kept in (self._health, self._ways, self._seen, self._due, self._looked_at):
                    kept.pop(id, None)
                self._own.discard(id)
            elif id in self._due and id in self._looked_at:  # its interval may be shorter now
                self._due[id] = min(self._due[id], self._looked_at[id] + record.health_check_interval_s)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                if not self._is_router():
                    self._forget()
                for record in self._waiting():
                    if self._due.get(record.id, 0.0) <= self._clock():
                        self._running.add(record.id)
                        group.create_task(self._looked(record), name=f"looking at endpoint {record.id}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._wake.wait()

    async def examine(self, record: EndpointRecord) -> tuple[Examination, Difference]:
        """Look at one closely, and keep what was found. Raises EndpointError, DiskFull."""
        try:
            found = await self._inquiry.examine(record.server, wanted=record.wanted_kind)
        except EndpointError as error:
            self._failed(record, error)
            raise
        before = self._book.models(record.id).models
        after = catalogue(dated(found.models, before, now=self._now())).models
        kept = False
        try:
            await self._book.found(record.id, kind=found.kind, slots=found.slots, models=after)
            kept = True
        finally:  # it is well all the same
            self._succeeded(record, found.probe, seen=kept)
        return found, difference(before, after)

    async def test(self, record: EndpointRecord) -> Examination:
        """Look at one closely; of one whose models are known they stay. Raises EndpointError, DiskFull."""
        if record.synced_at is None:
            return (await self.examine(record))[0]
        try:
            found = await self._inquiry.examine(record.server, wanted=record.wanted_kind)
        except EndpointError as error:
            self._failed(record, error)
            raise
        self._succeeded(record, found.probe, seen=False)
        return found

    async def ask(self, server: Server, *, wanted: ServerKind | None) -> Examination:
        """Look closely at one that is not kept. Raises EndpointError."""
        return await self._inquiry.examine(server, wanted=wanted)

    async def _looked(self, record: EndpointRecord) -> None:
        try:
            await self._look(record)
        except (DiskFull, EditRefused) as error:
            _LOG.warning(
                "what was found at an endpoint can't be kept", endpoint=record.name, error=str(error)
            )
        finally:
            self._running.discard(record.id)
            self._wake.set()

    async def _look(self, record: EndpointRecord) -> None:
        """Ask whether it is well; ask everything if its kind isn't known, or its models may have changed."""
        with suppress(EndpointError):
            if record.kind is None or record.synced_at is None:
                await self.examine(record)
                return
            try:
                probe = await self._inquiry.probe(record.server)
            except EndpointError as error:
                self._failed(record, error)
                return
            known = frozenset(each.id for each in self._book.models(record.id).models)
            seen = self._seen.get(record.id)
            if seen != probe.fingerprint and (seen is not None or known != probe.ids):
                await self.examine(record)
            else:
                self._succeeded(record, probe)

    def _waiting(self) -> Sequence[EndpointRecord]:
        """Those to be looked at some time."""
        if not self._is_router():
            return ()
        return [each for each in self._book.all() if each.enabled and each.id not in self._running]

    def _pause_s(self) -> float | None:
        if not self._book.all():
            return None
        waiting = self._waiting()
        if not waiting:
            return _IDLE_S
        return max(0.0, min(self._due.get(each.id, 0.0) for each in waiting) - self._clock())

    def _forget(self) -> None:
        """Others look now; what was seen will be old when this node is the router again."""
        for kept in (self._health, self._seen, self._due):
            kept.clear()

    def _succeeded(self, record: EndpointRecord, probe: Probe, *, seen: bool = True) -> None:
        self._own.discard(record.id)
        if seen:
            self._seen[record.id] = probe.fingerprint
        self._note(record, succeeded(self.health(record.id), latency_s=probe.latency_s, now=self._now()))

    def _failed(self, record: EndpointRecord, error: EndpointError) -> None:
        own = isinstance(error, OwnFrontDoor)
        (self._own.add if own else self._own.discard)(record.id)
        said = "it is a front door of this cluster" if own else error.message
        self._note(record, failed(self.health(record.id), said, now=self._now()))

    def _note(self, record: EndpointRecord, health: Health) -> None:
        current = self._book.find(record.id)
        if current is None or _way(current) != _way(record):
            return  # of one that isn't asked in this way any more
        before = self.health(record.id)
        self._health[record.id] = health
        self._ways[record.id] = _way(current)
        self._looked_at[record.id] = self._clock()
        self._noted.set()
        pause_s = next_look_s(health, interval_s=record.health_check_interval_s, chance=self._chance())
        self._due[record.id] = self._clock() + pause_s
        if health.status is not before.status:
            _tell(record, before, health)


def _way(record: EndpointRecord) -> tuple[object, ...]:
    """How it is reached: what makes all that was seen of it worthless when it changes."""
    return record.base_url, record.api_key, record.wanted_kind


def _tell(record: EndpointRecord, before: Health, health: Health) -> None:
    if health.status is Status.ONLINE:
        _LOG.info("endpoint is online", endpoint=record.name)
    elif before.status in (Status.ONLINE, Status.PENDING):
        _LOG.warning("endpoint fails", endpoint=record.name, error=health.last_error)
