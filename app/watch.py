"""Turns what the parts of the node do into events: finished requests, management, models, load, the node's state."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from corral.app.dashboard import Load
from corral.app.events import EventFeed
from corral.app.gateway.audit import AuditEntry, AuditLog
from corral.app.gateway.recording import RequestLog, RequestRecord
from corral.app.history.summary import summary_of
from corral.engines.model import ModelStatus
from corral.peers.in_step import next_step_s

POLL_S = 0.5


class Models(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def models(self) -> tuple[ModelStatus, ...]: ...


class WatchedRequests:
    """A RequestLog: another one, and an event for each record that somebody may see."""

    def __init__(self, log: RequestLog, feed: EventFeed) -> None:
        self._log = log
        self._feed = feed

    def put(self, record: RequestRecord) -> None:
        """Pass it on."""
        if self._feed.followed:
            self._feed.publish("request", summary_of(record))
        else:
            self._feed.leave_out()
        self._log.put(record)


class WatchedAudit:
    """An AuditLog: another one, and an event for each change that was made."""

    def __init__(self, log: AuditLog, feed: EventFeed) -> None:
        self._log = log
        self._feed = feed

    async def write(self, entry: AuditEntry) -> None:
        """Pass it on."""
        await self._log.write(entry)
        if entry.status < 400:
            who = entry.client.principal
            data = {"action": entry.action, "path": entry.path, "who": None if who is None else who.name}
            self._feed.publish("config", data)


class Watch:
    """Looks at what says nothing by itself; keep `run` running."""

    def __init__(
        self,
        *,
        feed: EventFeed,
        models: Models,
        load: Load,
        state: Callable[[], dict[str, Any]],
        cluster: Callable[[], dict[str, Any]],
        endpoints: Callable[[], list[dict[str, Any]]] = list,
        downloads: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
        machines: Callable[[], list[dict[str, Any]]] | None = None,
        places: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
    ) -> None:
        """`state`: what /health says; `cluster`: what administrators see besides, of which others tell changes;
        `endpoints`: servers elsewhere, as GET /v0/endpoints lists them; `downloads`: as GET /v0/models/copies does;
        for administrators `machines`: as GET /v0/dashboard/runtimes, and `places`: each machine's models that are
        not merely on its disk."""
        self._feed = feed
        self._models = models
        self._load = load
        self._state = state
        self._cluster = cluster
        self._endpoints = endpoints
        self._downloads = downloads
        self._machines = machines
        self._places = places
        self._seen: dict[str, object] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled. Costs nothing while nobody watches."""
        while True:
            await self._feed.watched()
            await asyncio.sleep(next_step_s(POLL_S))
            await self.look()

    async def look(self) -> None:
        """Publish what changed since the last look; nothing while nobody watches."""
        if not self._feed.watchers:
            return
        self._tell(self._looked_at(), private=False)
        self._tell(self._private(), private=True)

    def snapshot(self, *, everything: bool) -> dict[str, Any]:
        """How things are now, for somebody who begins to watch; `everything` is for administrators."""
        return {
            **self._looked_at(),
            **({**self._private(), **self._cluster()} if everything else {}),
        }

    def _tell(self, looked_at: Mapping[str, Any], *, private: bool) -> None:
        for kind, data in looked_at.items():
            if self._seen.get(kind) != data:
                self._seen[kind] = data
                self._feed.publish(kind, {kind: data}, private=private)

    def _private(self) -> dict[str, Any]:
        machines = {} if self._machines is None else {"machines": self._machines()}
        places = {} if self._places is None else {"places": list(self._places())}
        return {**machines, **places}

    def _looked_at(self) -> dict[str, Any]:
        models = self._models.models()
        downloads = {} if self._downloads is None else {"downloads": list(self._downloads())}
        return {
            **downloads,
            "node": self._state(),
            "models": [_model(each) for each in models],
            "endpoints": self._endpoints(),
            "load": {
                "active": self._load.running,
                "waiting": self._load.waiting,
                "tokens_per_s": round(sum(each.live.tokens_per_s for each in models), 1),
            },
        }


def _model(status: ModelStatus) -> dict[str, Any]:
    return {
        "name": status.file.name,
        "lifecycle": status.lifecycle.value,
        "progress": round(status.progress, 2),
        "error": status.error,
        "active": status.live.active,
        "queued": status.live.queued,
    }
