"""The history on two machines: the router chooses a standby and says how far its log goes, the standby copies what is new, and
whoever becomes the router copies from the others what it lacks."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol

import structlog

from corral.app.history import copy_wire as wire
from corral.app.history.copier import PAUSE_S, Copier, Fetch
from corral.app.history.copy_route import CopyRoute
from corral.app.history.copy_source import CopySource
from corral.app.history.copy_store import CopyStore
from corral.app.history.standby import Standby, next_standby
from corral.app.store.database import Database
from corral.app.store.errors import DiskFull
from corral.app.store.history_log import HistoryLog, Position
from corral.peers.ids import NodeId
from corral.peers.in_step import next_step_s
from corral.peers.transport.errors import PeerAnswered, PeerError
from corral.peers.transport.route import PeerRoute

LOOK_S = 1.0
TELL_ROUTER_S = (
    10.0  # a follower says so often that its log grew, which is mostly copies of what the router has
)
AGAIN_S = 10.0  # after a failure
_SOON_S = 1.0  # after a refusal: the other one doesn't know yet who is router, or standby
_REFUSED = 403
_LOG = structlog.get_logger(__name__)


class Cluster(Protocol):
    """What this needs of `peers.cluster.cluster.Cluster`."""

    @property
    def node(self) -> NodeId: ...

    @property
    def router(self) -> NodeId | None: ...

    @property
    def live(self) -> Collection[NodeId]: ...

    def tell(self, peer: NodeId, topic: str, body: bytes) -> None: ...


class HistoryCopying:
    """Keep `run_telling` and `run_copying` running; the rest is for the loop's thread and returns at once."""

    def __init__(
        self,
        *,
        cluster: Callable[[], Cluster],
        database: Database,
        source: CopySource,
        store: CopyStore,
        fetch: Fetch,
        holds: Callable[[], bool],
        successors: Callable[[], Sequence[NodeId]],
        recount: Callable[[], Awaitable[None]],
        name_of: Callable[[NodeId], str] = str,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cluster` is asked from the first call on. `holds` says whether copies may be here. `successors` are the members that could be router next, best first.

        `recount` is called when this machine has become the router, and when it has copied something as the router.
        """
        self._cluster = cluster
        self._database = database
        self._source = source
        self._holds = holds
        self._successors = successors
        self._recount = recount
        self._name_of = name_of
        self._pause_s = pause_s
        self._clock = clock
        self._log = HistoryLog(database)
        self._copier = Copier(fetch, store, pause_s=pause_s)
        self._reigns = False
        self._standby = Standby()
        self._end = Position("", 0)
        self._seen_writes = -1  # of the database, when `_end` was read
        self._heard: dict[NodeId, wire.Told] = {}
        self._copied: dict[NodeId, Position] = {}  # what each had told when everything of it was copied
        self._again_at: dict[NodeId, float] = {}
        self._told: dict[NodeId, tuple[wire.Told, float]] = {}
        self._news = asyncio.Event()

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return CopyRoute(self._source, may_copy=self._may_copy).routes()

    # --- to be kept running

    async def run_telling(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            if self._sources():  # also what failed, when it is time to try it again
                self._news.set()
            await asyncio.sleep(next_step_s(LOOK_S))

    async def run_copying(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if await self.copy():
                self._news.set()
                await asyncio.sleep(self._pause_s)

    # --- what happens

    def told(self, peer: NodeId, body: bytes) -> None:
        """A member said how far its log goes."""
        try:
            self._heard[peer] = wire.decode(body, wire.Told)
        except wire.BadCopy as error:
            self._warn(peer, error)
        else:
            self._news.set()

    def linked(self, peer: NodeId) -> None:
        """A new link: what was told on the old one may be lost."""
        self._told.pop(peer, None)

    def keep_only(self, members: Collection[NodeId]) -> None:
        """Forget those that left the cluster."""
        for book in (self._heard, self._copied, self._again_at, self._told):
            _forget_others(book, members)
        if self._standby.node not in members:
            self._standby = Standby()

    async def look(self) -> None:
        """See who is what, and tell what changed."""
        cluster = self._cluster()
        if not cluster.live:
            self._reigns = False
            return
        now = self._clock()
        await self._read_end()
        reigned, self._reigns = self._reigns, cluster.router == cluster.node
        if self._reigns:
            self._standby = next_standby(self._standby, self._fit(), now)
            for peer in cluster.live:
                self._tell(peer, now)
        elif cluster.router is not None:
            self._standby = self._router_s_choice(cluster.router)
            self._tell(cluster.router, now)
        if self._reigns and not reigned:
            await self._recount()

    async def copy(self) -> bool:
        """Copy a page from each machine that has something new for this one; whether there is more."""
        more = [await self._copy_from(peer) for peer in self._sources()]
        return any(more)

    # --- whom

    def _fit(self) -> list[NodeId]:
        """Who may be the standby, best first; machines that never are the router come last."""
        live = self._cluster().live
        ranked = [peer for peer in self._successors() if peer in live]
        ranked += sorted(peer for peer in live if peer not in ranked)
        return [peer for peer in ranked if peer in self._heard and self._heard[peer].holds]

    def _router_s_choice(self, router: NodeId) -> Standby:
        """Whoever becomes the router keeps it, unless it is itself."""
        told = self._heard.get(router)
        mine = told is None or told.standby in ("", self._cluster().node)
        return Standby() if told is None or mine else Standby(NodeId(told.standby))

    def _may_copy(self, peer: NodeId) -> bool:
        cluster = self._cluster()
        return peer == (self._standby.node if cluster.router == cluster.node else cluster.router)

    def _sources(self) -> list[NodeId]:
        cluster = self._cluster()
        if not self._holds():
            return []
        if cluster.router == cluster.node:
            some = [peer for peer in sorted(cluster.live) if peer in self._heard]
        else:
            told = None if cluster.router is None else self._heard.get(cluster.router)
            chosen = told is not None and told.standby == cluster.node
            some = [cluster.router] if cluster.router is not None and chosen else []
        now = self._clock()
        return [peer for peer in some if self._has_news(peer) and now >= self._again_at.get(peer, 0.0)]

    def _has_news(self, peer: NodeId) -> bool:
        end = _end(self._heard[peer])
        return end.number > 0 and end != self._copied.get(peer)

    # --- telling and copying

    async def _read_end(self) -> None:
        writes = self._database.writes
        if writes != self._seen_writes:
            self._end = await self._log.end()
            self._seen_writes = writes

    def _tell(self, peer: NodeId, now: float) -> None:
        standby = self._standby.node if self._reigns else None
        telling = wire.Told(
            log=self._end.log, number=self._end.number, holds=self._holds(), standby=standby or ""
        )
        if self._should_tell(peer, telling, now):
            self._told[peer] = (telling, now)
            self._cluster().tell(peer, wire.TOPIC, wire.encode(telling))

    def _should_tell(self, peer: NodeId, telling: wire.Told, now: float) -> bool:
        if peer not in self._told:
            return True
        told, at = self._told[peer]
        if (told.standby, told.holds) != (telling.standby, telling.holds):
            return True
        if self._reigns:
            return peer == telling.standby and _end(told) != self._end
        return _end(told) != self._end and now - at >= TELL_ROUTER_S

    async def _copy_from(self, peer: NodeId) -> bool:
        end = _end(self._heard[peer])
        try:
            more = await self._copier.copy(peer)
        except PeerAnswered as error:
            if error.status != _REFUSED:
                self._warn(peer, error)
            self._again_at[peer] = self._clock() + (_SOON_S if error.status == _REFUSED else AGAIN_S)
            return False
        except (PeerError, wire.BadCopy, DiskFull, sqlite3.Error) as error:
            self._warn(peer, error)
            self._again_at[peer] = self._clock() + AGAIN_S
            return False
        if not more:
            self._copied[peer] = end
            if self._reigns:
                await self._recount()
        return more

    def _warn(self, peer: NodeId, error: Exception) -> None:
        _LOG.warning("the history of a machine was not copied", peer=self._name_of(peer), error=str(error))


def _forget_others(book: dict[NodeId, Any], members: Collection[NodeId]) -> None:
    for gone in book.keys() - set(members):
        del book[gone]


def _end(told: wire.Told) -> Position:
    return Position(told.log, told.number)
