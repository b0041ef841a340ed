"""Publishes what happens to the cluster, as this machine sees it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from corral.app.cluster.happenings import happenings, lasting
from corral.app.events import EventFeed
from corral.peers.in_step import next_step_s

POLL_S = 1.0  # what changes without a word is found within so long
_COALESCE_S = 0.1  # an election says several things at once

Document = Mapping[str, Any]


class Shown(Protocol):
    """What this needs of `control.Control`. `unsaid` is compared only: cheap, and different when something changed."""

    def document(self) -> Document: ...

    @property
    def joining(self) -> Document | None: ...

    @property
    def unsaid(self) -> object: ...


class RouterMetrics(Protocol):
    """What this needs of `api.cluster_metrics.ClusterMetrics`."""

    def look(self) -> None: ...


class ClusterEvents:
    """Keep `run` running, and call `changed` whenever something may have changed: both cost next to nothing.

    What happens is kept for watchers that come back, so it is looked at also while nobody watches.
    """

    def __init__(self, *, feed: EventFeed, cluster: Shown, metrics: RouterMetrics) -> None:
        self.on_joining: Callable[[Document | None], None] = lambda joining: None
        self._feed = feed
        self._cluster = cluster
        self._metrics = metrics
        self._news = asyncio.Event()
        self._before: Document | None = None
        self._joining: Document | None = None
        self._unsaid: object = None

    def changed(self) -> None:
        """The router, or who is there."""
        self._metrics.look()
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(next_step_s(POLL_S)):
                    await self._news.wait()
            if self._news.is_set():
                await asyncio.sleep(_COALESCE_S)

    def look(self) -> None:
        """Publish what changed since the last look; the first one only remembers."""
        unsaid = self._cluster.unsaid
        if not self._news.is_set() and unsaid == self._unsaid and self._before is not None:
            return
        self._news.clear()
        self._unsaid = unsaid
        self._tell_joining()
        after = self._cluster.document()
        before, self._before = self._before, after
        if before is None:
            return
        for each in happenings(before, after):
            self._feed.publish(each.kind, each.data, private=each.private)
        if lasting(before) != lasting(after):
            told = {name: value for name, value in after.items() if name != "elections"}
            self._feed.publish("cluster", {"cluster": told})

    def snapshot(self) -> dict[str, Any]:
        """For an administrator who begins to watch."""
        return {"cluster": self._cluster.document(), "joining": self._cluster.joining}

    def _tell_joining(self) -> None:
        joining = self._cluster.joining
        if joining != self._joining:
            self._joining = joining
            self._feed.publish("joining", {"joining": joining})
            self.on_joining(joining)
