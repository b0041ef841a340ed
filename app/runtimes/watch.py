"""Watches the runtimes while this node is the router: asks them for their models, tells when their status changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from corral.app.runtimes.health import Judgement, Status, is_silent, next_change, next_probe
from corral.app.runtimes.model_list import NOTHING, Listing
from corral.app.runtimes.record import RuntimeId, RuntimeRecord
from corral.app.runtimes.runtimes import Rules, Runtimes
from corral.engines.errors import EngineError

SOONEST_S, LATEST_S = 0.1, 30.0  # between two looks without news
_BAD = (Status.OFFLINE, Status.ERROR)
_LOG = structlog.get_logger(__name__)

Probe = Callable[[RuntimeRecord], Awaitable[Listing]]


class Cluster(Protocol):
    """What this needs of `peers.cluster.Cluster`."""

    @property
    def is_router(self) -> bool: ...

    async def wait_for_change(self, timeout_s: float) -> None: ...


class RuntimeWatch:
    """Keep `run` running."""

    def __init__(
        self,
        *,
        runtimes: Runtimes,
        node: str,
        rules: Callable[[], Rules],
        cluster: Callable[[], Cluster],
        probe: Probe,
        tell: Callable[[dict[str, Any]], None] = lambda document: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`probe` raises EngineError. `tell` gets the document of a runtime whose status is another one now."""
        self._runtimes = runtimes
        self._node = node
        self._rules = rules
        self._cluster = cluster
        self._probe = probe
        self._tell = tell
        self._now = now
        self._seen: dict[RuntimeId, Judgement] = {}
        self._probing: dict[RuntimeId, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        routing = False
        try:
            while True:
                if self._cluster().is_router:
                    if not routing:
                        self._take_over()
                    routing = True
                    self._runtimes.news.clear()
                    self.look()
                    await self._wait()
                else:
                    routing = False
                    await self._stop_probing()
                    await self._cluster().wait_for_change(LATEST_S)
        finally:
            await self._stop_probing()

    def look(self) -> None:
        """Tell what changed, and ask those whose turn it is."""
        now, timeout_s = self._now(), self._rules().node_timeout
        records = self._runtimes.records()
        for record in records:
            live = self._runtimes.live(record)
            self._note(record, self._runtimes.judgement(record))
            due = next_probe(record, live.facts, node=self._node, timeout_s=timeout_s)
            silent = is_silent(live.facts, now=now, timeout_s=timeout_s)
            if due is not None and due <= now and not silent and record.id not in self._probing:
                live.trying(now)
                self._probing[record.id] = asyncio.create_task(self._ask(record))
        for id in self._seen.keys() - {record.id for record in records}:
            del self._seen[id]

    def _take_over(self) -> None:
        self._runtimes.take_over()
        self._seen = {record.id: self._runtimes.judgement(record) for record in self._runtimes.records()}

    async def _wait(self) -> None:
        """Until there is news, or something is due."""
        left_s = min((due - self._now() for due in self._dues()), default=LATEST_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LATEST_S, max(SOONEST_S, left_s))):
                await self._runtimes.news.wait()

    def _dues(self) -> Sequence[float]:
        timeout_s = self._rules().node_timeout
        dues: list[float] = []
        for record in self._runtimes.records():
            facts = self._runtimes.live(record).facts
            if is_silent(facts, now=self._now(), timeout_s=timeout_s):
                continue
            dues.append(next_change(facts, timeout_s=timeout_s))
            due = next_probe(record, facts, node=self._node, timeout_s=timeout_s)
            if due is not None and record.id not in self._probing:
                dues.append(due)
        return dues

    async def _ask(self, record: RuntimeRecord) -> None:
        listing, error = NOTHING, None
        try:
            listing = await self._probe(record)
        except EngineError as failed:
            error = failed.message
        finally:
            if self._probing.get(record.id) is asyncio.current_task():
                del self._probing[record.id]
        if error is None:
            self._runtimes.reached(record, listing)
        else:
            self._runtimes.not_reached(record, error)

    def _note(self, record: RuntimeRecord, judgement: Judgement) -> None:
        before = self._seen.get(record.id)
        self._seen[record.id] = judgement
        if before is not None and before.status is judgement.status:
            return
        log = _LOG.warning if judgement.status in _BAD else _LOG.info
        log(
            "a runtime's status changed",
            runtime=record.id,
            name=record.name,
            before=None if before is None else before.status.value,
            status=judgement.status.value,
            reason=judgement.reason,
        )
        self._tell(self._runtimes.document(record))

    async def _stop_probing(self) -> None:
        tasks, self._probing = list(self._probing.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
