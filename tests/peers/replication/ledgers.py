"""Some ledgers in one process, joined by functions instead of a network; they beat when told to."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from corral.peers.ids import NodeId
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.ledger import Ledger, open_ledger

TIMING = Timing(
    patience_s=2.0
)  # as long as a busy machine may take; none of these tests is about waiting it out


class Unreachable(Exception):
    """There is no way to that member."""


class Cluster:
    """Ledgers by their node ids. All of them reach each other until `cut`."""

    def __init__(self, folder: Path, timing: Timing) -> None:
        self.folder = folder
        self.ledgers: dict[NodeId, Ledger] = {}
        self.sent: list[tuple[NodeId, NodeId, bytes]] = []
        self.timing = timing
        self._apart: frozenset[NodeId] = frozenset()
        self._running: dict[NodeId, asyncio.Task[None]] = {}

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    async def start(self, name: str, path: Path | None = None) -> Ledger:
        """Open a ledger, in a file of its own, and let it exchange with the others."""
        node = NodeId(name)

        async def send(to: NodeId, body: bytes) -> bytes:
            if not self._reaches(node, to):
                raise Unreachable(to)
            self.sent.append((node, to, body))
            return await self.ledgers[to].answer(node, body)

        ledger = await open_ledger(path or self.path(name), node, send=send, timing=self.timing)
        self.ledgers[node] = ledger
        self._running[node] = asyncio.create_task(ledger.run())
        self._see_each_other()
        return ledger

    async def stop(self, name: str) -> None:
        """End a ledger in good order."""
        node = NodeId(name)
        ledger, running = self.ledgers.pop(node), self._running.pop(node)
        self._see_each_other()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await ledger.close()

    def cut(self, *names: str) -> None:
        """From now on these reach each other only, and so do the others."""
        self._apart = frozenset(map(NodeId, names))
        self._see_each_other()

    def heal(self) -> None:
        """All reach each other again."""
        self.cut()

    def beat(self) -> None:
        """One heartbeat of everyone to everyone."""
        for to, ledger in self.ledgers.items():
            for peer, other in self.ledgers.items():
                if peer != to and self._reaches(peer, to):
                    ledger.hear(peer, other.summary())

    def equal(self) -> bool:
        """Whether all hold the same."""
        return len({each.summary().digest for each in self.ledgers.values()}) == 1

    async def until_equal(self, deadline_s: float = 20.0) -> None:
        """Let them beat until they hold the same, and have nothing more to ask."""
        async with asyncio.timeout(deadline_s):
            while not self.equal():
                self.beat()
                await asyncio.sleep(0.01)

    def _reaches(self, one: NodeId, other: NodeId) -> bool:
        return other in self.ledgers and (one in self._apart) == (other in self._apart)

    def _see_each_other(self) -> None:
        for node, ledger in self.ledgers.items():
            ledger.set_live(self._reached_by(node))

    def _reached_by(self, node: NodeId) -> Collection[NodeId]:
        return [each for each in self.ledgers if each != node and self._reaches(node, each)]


@asynccontextmanager
async def cluster(folder: Path, *names: str, timing: Timing = TIMING) -> AsyncIterator[Cluster]:
    """A cluster of these members; those that are left are stopped at the end."""
    made = Cluster(folder, timing)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stop_all, made)
        for name in names:
            await made.start(name)
        yield made


async def _stop_all(made: Cluster) -> None:
    for node in list(made.ledgers):
        await made.stop(node)
