"""Machines with real databases that copy each other's history through functions instead of a network."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from corral.app.history import copy_wire as wire
from corral.app.history.copier import Copier
from corral.app.history.copy_source import CopySource
from corral.app.history.copy_store import CopyStore, Keeping
from corral.app.history.copying import AGAIN_S, HistoryCopying
from corral.app.history.recorder import Recorder
from corral.app.store.database import Database, open_database
from corral.app.store.history import History, HistoryFilter
from corral.app.store.history_log import begin_log
from corral.peers.ids import ClusterId, NodeId
from corral.peers.transport.errors import PeerAnswered, PeerUnreachable
from corral.peers.transport.route import PeerRequest, PeerRoute
from tests.app.history.records import NOW, record

CLUSTER = ClusterId("c" * 32)
DAY_S = 86_400.0
EVERYTHING = HistoryFilter()


class Machine:
    """One machine; `now` is its clock."""

    def __init__(self, lan: "Lan", name: str, *, holds: bool, texts: bool) -> None:
        self.lan = lan
        self.node = NodeId(name)
        self.holds = holds
        self.texts = texts
        self.now = NOW
        self.recounts = 0
        self.database: Database
        self.recorder: Recorder
        self.history: History
        self.copier: Copier
        self.copying: HistoryCopying

    # --- its life

    async def start(self, cluster: ClusterId = CLUSTER) -> None:
        self.database = await open_database(self.lan.folder / f"{self.node}.db")
        await begin_log(self.database, cluster)
        self.recorder = Recorder(database=self.database)
        self.history = History(self.database)
        store = CopyStore(
            self.database,
            lambda: Keeping(retention_s=7 * DAY_S, texts=self.texts),
            now=lambda: self.now,
        )
        self.copier = Copier(self.fetch, store, pause_s=0.0)
        self.copying = HistoryCopying(
            cluster=lambda: self,
            database=self.database,
            source=CopySource(self.database, page_rows=self.lan.page_rows, part_bytes=self.lan.part_bytes),
            store=store,
            fetch=self.fetch,
            holds=lambda: self.holds,
            successors=lambda: [node for node in self.lan.order if node in self.live],
            recount=self._recount,
            pause_s=0.0,
            clock=lambda: self.lan.seconds,
        )
        for peer in self.lan.machines.values():
            if peer is not self:
                peer.copying.linked(self.node)

    async def stop(self) -> None:
        await self.recorder.flush()
        await self.database.close()

    async def _recount(self) -> None:
        self.recounts += 1

    # --- the cluster, as it sees it

    @property
    def router(self) -> NodeId | None:
        return self.lan.router_of(self.node)

    @property
    def live(self) -> Sequence[NodeId]:
        return [peer for peer in self.lan.machines if peer != self.node and self.lan.reach(self.node, peer)]

    def tell(self, peer: NodeId, topic: str, body: bytes) -> None:
        assert topic == wire.TOPIC
        self.lan.telling.append((self.node, peer))
        if self.lan.reach(self.node, peer):
            self.lan.machines[peer].copying.told(self.node, body)

    async def fetch(self, peer: NodeId, path: str, body: bytes) -> bytes:
        if not self.lan.reach(self.node, peer):
            raise PeerUnreachable(peer, "the cable is out")
        self.lan.asked.append((self.node, peer, path))
        routes = {route.path: route for route in self.lan.machines[peer].copying.routes()}
        return self.lan.interfere(self.node, await _posted(routes[path], self.node, peer, body))

    # --- its history

    async def record(self, *ats: float, **fields: Any) -> None:
        """Requests that began so many seconds after NOW."""
        for at in ats:
            self.recorder.put(record(at=NOW + at, **fields))
        await self.recorder.flush()

    async def times(self) -> list[float]:
        """When its requests began, seconds after NOW, as the dashboard lists them."""
        rows = await self.history.page(EVERYTHING, offset=0, limit=10_000)
        return [row["started_at"] - NOW for row in rows]

    async def sums(self) -> list[tuple[Any, ...]]:
        """Its statistics: hour, model, address, requests, refusals, tokens."""
        rows = await self.database.read(
            "SELECT hour, model, address, sum(requests), sum(refusals), sum(prompt_tokens) FROM usage"
            " GROUP BY hour, model, address"
        )
        return [tuple(row) for row in rows]


async def _posted(route: PeerRoute, asker: NodeId, peer: NodeId, body: bytes) -> bytes:
    request = PeerRequest(
        peer=asker,
        method="POST",
        path=route.path,
        query="",
        headers={},
        most_bytes=route.most_bytes,
        body=_once(body),
    )
    answer = await route.handler(request)
    assert isinstance(answer.body, bytes)
    if answer.status != 200:
        raise PeerAnswered(peer, answer.status, answer.body)
    return answer.body


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def pass_on(asker: NodeId, body: bytes) -> bytes:
    """Nobody interferes."""
    return body


class Lan:
    """Who reaches whom, and whom each part of the network takes for the router."""

    def __init__(self, folder: Path, *, page_rows: int, part_bytes: int) -> None:
        self.folder = folder
        self.page_rows = page_rows
        self.part_bytes = part_bytes
        self.machines: dict[NodeId, Machine] = {}
        self.order: Sequence[NodeId] = ()  # the best first
        self.sides: Sequence[set[NodeId]] = ()
        self.routers: set[NodeId] = set()
        self.seconds = 0.0  # everybody's clock for pauses
        self.telling: list[tuple[NodeId, NodeId]] = []
        self.asked: list[tuple[NodeId, NodeId, str]] = []
        self.interfere: Callable[[NodeId, bytes], bytes] = pass_on  # whoever asked gets this of an answer

    def __getitem__(self, name: str) -> Machine:
        return self.machines[NodeId(name)]

    def split(self, *sides: Iterable[str], routers: Iterable[str]) -> None:
        """Only those on the same side reach each other; whoever is on none is off."""
        self.sides = [{NodeId(name) for name in side} for side in sides]
        self.routers = {NodeId(name) for name in routers}
        for one, other in itertools.permutations(self.machines, 2):
            if self.reach(one, other):
                self.machines[one].copying.linked(other)

    def reach(self, one: NodeId, other: NodeId) -> bool:
        return any(one in side and other in side for side in self.sides)

    def router_of(self, node: NodeId) -> NodeId | None:
        side = next((side for side in self.sides if node in side), set())
        return next(iter(sorted(side & self.routers)), None)

    async def settle(self, *, rounds: int = 4, apart_s: float = AGAIN_S) -> None:
        """Everybody looks and copies until nothing is new, a few times."""
        on = [machine for node, machine in self.machines.items() if any(node in side for side in self.sides)]
        for _ in range(rounds):
            self.seconds += apart_s
            for machine in on:
                await machine.copying.look()
            for machine in on:
                more = True
                while more:
                    more = await machine.copying.copy()


@asynccontextmanager
async def machines(
    folder: Path,
    *names: str,
    page_rows: int = 500,
    part_bytes: int = 2**20,
    without_copies: Iterable[str] = (),
    without_texts: Iterable[str] = (),
) -> AsyncIterator[Lan]:
    """Machines that reach each other; the first is the router, then the order is how good they are."""
    lan = Lan(folder, page_rows=page_rows, part_bytes=part_bytes)
    lan.order = [NodeId(name) for name in names]
    async with AsyncExitStack() as stack:
        for name in names:
            machine = Machine(lan, name, holds=name not in without_copies, texts=name not in without_texts)
            await machine.start()
            lan.machines[machine.node] = machine
            stack.push_async_callback(machine.stop)
        lan.split(names, routers=[names[0]])
        yield lan
