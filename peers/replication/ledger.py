"""THE ledger: what every member of the cluster knows, for a program with an event loop.

Around a `Replica` in a file of its own. Everything that touches the file happens in one thread; what changed comes back to the
loop, where views and subscribers see all of a write at once. `run` carries messages to and from the other members.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from corral.peers.ids import NodeId
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.clock import Instant
from corral.peers.replication.courier import Courier, Send
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import LedgerError
from corral.peers.replication.keeper import Act, Keeper, News, RowKey
from corral.peers.replication.messages import Summary, decode_answer, decode_request, encode
from corral.peers.replication.projection import Projection, Row
from corral.peers.replication.receipt import Outcome, Receipt
from corral.peers.replication.replica import Replica
from corral.peers.replication.schema import TABLES, Table
from corral.peers.replication.view import OnChange, View

R = TypeVar("R")
T = TypeVar("T")
Listener = Callable[[frozenset[RowKey]], None]

_BEHIND_S = 0.5  # while members hold different things, what to ask is looked at so often
_IDLE_S = 300.0  # else so often, for what ends with a day
_HEARD_AGAIN_S = 30.0  # the replica is told of members' clocks so often
_SETTLE_S = 0.02
_LOG = structlog.get_logger(__name__)


def system_instant() -> Instant:
    """Now, by this machine's clocks."""
    return Instant(time.time_ns() // 1_000_000, time.monotonic())


async def open_ledger(
    path: Path,
    node: NodeId,
    *,
    send: Send,
    joined: bool = False,
    tables: Mapping[str, Table] = TABLES,
    timing: Timing | None = None,
    now: Callable[[], Instant] = system_instant,
) -> "Ledger":
    """The ledger in the file at `path`, which is made if there is none. Raises LedgerError.

    `joined`: if it is made now, then to receive what a cluster has. `send` carries a request to a member and brings its answer, or raises; it is called while `run` runs.
    """
    ledger = Ledger(path, node, send=send, tables=tables, timing=timing or Timing(), now=now)
    await ledger.open(joined=joined)
    return ledger


class Ledger:
    """Replicated tables. Make it with `open_ledger`; all methods are for the loop's thread."""

    def __init__(
        self,
        path: Path,
        node: NodeId,
        *,
        send: Send,
        tables: Mapping[str, Table],
        timing: Timing,
        now: Callable[[], Instant],
    ) -> None:
        self.node = node
        self._now = now
        self._patience_s = timing.patience_s
        self._keeper = Keeper(path=path, node=node, tables=tables, timing=timing, now=now)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._loop = asyncio.get_running_loop()
        self._courier = Courier(send=send, on_answer=self._receive, on_failure=self._failed)
        self._carrying = False
        self._wake = asyncio.Event()
        self._views: dict[str, list[View]] = {}
        self._listeners: list[Listener] = []
        self._waiting: dict[int, _Waiting] = {}  # by the identity of the receipt
        self._live: frozenset[NodeId] = frozenset()
        self._heard: dict[NodeId, Summary] = {}  # not told to the replica yet
        self._told: dict[NodeId, tuple[Summary, float]] = {}  # told to it, and when
        self._skews_s: dict[NodeId, float] = {}
        self._summary: Summary | None = None
        self._in_step = True
        self._joined = False

    async def open(self, *, joined: bool) -> None:
        """Raises LedgerError; then nothing is left behind. `joined` is as in `open_ledger`."""
        try:
            await self._loop.run_in_executor(self._thread, lambda: self._keeper.open(joined=joined))
            await self._visit(lambda replica, now: None)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End in good order, after everything that was begun. `run` must have ended."""
        await self._loop.run_in_executor(self._thread, self._keeper.close)
        self._thread.shutdown()

    async def reset(self, *, joined: bool = True) -> None:
        """Begin anew with an empty file, as a machine that joins a cluster must; the old file is kept beside it.

        `joined` says, also after later starts, that what is in here comes from others. Raises LedgerError.
        """
        await self._courier.stop()
        await self._in_thread(lambda: self._keeper.start_anew(joined=joined))
        self._told.clear()
        for each in self._waiting.values():
            each.settle(replicated=False)
        self._waiting.clear()

    # --- the tables

    @property
    def joined(self) -> bool:
        """Whether it was begun to receive what a cluster has: then nothing may be made up here, it is to come."""
        return self._joined

    async def write(self, edits: Sequence[Edit]) -> Outcome:
        """Store edits, all or none; returns once a live member has them too, after 300 ms, or at once if none is live.

        Views and subscribers know before it returns. Raises EditRefused, LedgerError; nothing is stored then.
        """
        outcome: asyncio.Future[Outcome] = self._loop.create_future()

        def act(replica: Replica, now: Instant) -> None:
            receipt = replica.write(edits, now)
            self._waiting[id(receipt)] = _Waiting(receipt, outcome)

        await self._visit(act)
        await asyncio.wait([outcome], timeout=self._patience_s)
        while not outcome.done():
            await self._visit(lambda replica, now: None)
            await asyncio.wait([outcome], timeout=_SETTLE_S)
        if self._live and not outcome.result().replicated:
            _LOG.warning("what was written is on this machine only, for now: no other one answered in time")
        return outcome.result()

    async def rows(self, table: str) -> Projection:
        """A table's rows, and what of it can't be read."""
        return await self._visit(lambda replica, now: replica.rows(table))

    async def row(self, table: str, id: str) -> Row | None:
        """One row; None if there is none, or none any more."""
        return await self._visit(lambda replica, now: replica.row(table, id))

    async def view(self, table: str, on_change: OnChange | None = None) -> View:
        """A table in memory, from now on always up to date. `on_change` gets the first rows too, before this returns."""
        view = View(table, on_change)
        await self.attach(view)
        return view

    async def attach(self, view: View) -> None:
        """Fill a view, and keep it up to date from now on."""
        self._views.setdefault(view.table, []).append(view)
        await self._in_thread(lambda: self._keeper.watch(view.table))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the rows (table, id) that changed, here or elsewhere; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- other members

    def summary(self) -> Summary:
        """What the next heartbeat says."""
        assert self._summary is not None, "open it first"
        return msgspec.structs.replace(self._summary, wall_ms=max(self._now().wall_ms, 0))

    def hear(self, peer: NodeId, summary: Summary) -> None:
        """What a member's heartbeat said."""
        now = self._now()
        self._skews_s[peer] = (summary.wall_ms - now.wall_ms) / 1000
        told, told_s = self._told.get(peer, (None, 0.0))
        news = told is None or (told.log, told.last, told.digest) != (
            summary.log,
            summary.last,
            summary.digest,
        )
        if news or now.waited_s - told_s >= _HEARD_AGAIN_S:
            self._told[peer] = (summary, now.waited_s)
            self._heard[peer] = summary
            self._wake.set()

    def skew_s(self, peer: NodeId) -> float:
        """How far a member's clock was ahead of ours at its last heartbeat. More than half a minute should be shown."""
        return self._skews_s.get(peer, 0.0)

    def differing(self) -> frozenset[NodeId]:
        """The live members that said at their last news that they hold something else than this machine does."""
        own = self.summary().digest
        return frozenset(
            peer for peer in self._live if peer in self._told and self._told[peer][0].digest != own
        )

    def set_live(self, peers: Collection[NodeId]) -> None:
        """Which other members answer now: they are asked, and get what is written."""
        live = frozenset(peers)
        if live != self._live:
            self._live = live
            self._post(lambda: self._keeper.set_live(live))

    def forget(self, peer: NodeId) -> None:
        """It is no member any more."""
        self._heard.pop(peer, None)
        self._told.pop(peer, None)
        self._skews_s.pop(peer, None)
        self._live -= {peer}
        self._post(lambda: self._keeper.forget(peer))

    async def answer(self, peer: NodeId, body: bytes) -> bytes:
        """The answer to what a member asked. Raises MalformedMessage, LedgerError."""
        return await self._visit(lambda replica, now: encode(replica.answer(peer, decode_request(body), now)))

    async def run(self) -> None:
        """Exchange what is new with the other members until cancelled."""
        self._carrying = True
        try:
            while True:
                await self._listen()
                await self._something(_IDLE_S if self._in_step else _BEHIND_S)
        finally:
            self._carrying = False
            await self._courier.stop()

    # --- parts

    async def _listen(self) -> None:
        heard, self._heard = self._heard, {}
        await self._visit(lambda replica, now: _tell(replica, heard, now))

    async def _something(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _receive(self, peer: NodeId, body: bytes) -> None:
        await self._visit(lambda replica, now: replica.receive(peer, decode_answer(body), now))

    async def _failed(self, peer: NodeId) -> None:
        try:
            await self._visit(lambda replica, now: replica.failed(peer))
        except LedgerError as error:
            _LOG.error("replicated state can't be kept up to date", error=str(error))

    async def _visit(self, act: Act[R]) -> R:
        return await self._in_thread(lambda: self._keeper.visit(act))

    async def _in_thread(self, work: Callable[[], R]) -> R:
        """Do `work` in the thread; its news are known here when this returns, and also if it is cancelled."""
        return await self._loop.run_in_executor(self._thread, self._with_news, work)

    def _post(self, work: Callable[[], object]) -> None:
        """Do `work` in the thread after what is there already, and don't wait for it."""
        self._thread.submit(self._with_news, work).add_done_callback(_log_failure)

    def _with_news(self, work: Callable[[], R]) -> R:
        try:
            return work()
        finally:
            self._loop.call_soon_threadsafe(self._land, self._keeper.news(carrying=self._carrying))

    def _land(self, news: News) -> None:
        self._summary = news.summary
        if self._in_step and not news.in_step:
            self._wake.set()
        self._in_step = news.in_step
        self._joined = news.joined
        for update in news.updates:
            for view in self._views.get(update.table, ()):
                _called(view.take, update)
        if news.changes:
            for listener in tuple(self._listeners):
                _called(listener, news.changes)
        for outcome in news.outcomes:
            if id(outcome.receipt) in self._waiting:
                self._waiting.pop(id(outcome.receipt)).settle(replicated=outcome.replicated)
        if self._carrying:
            for letter in news.letters:
                self._courier.take(letter)
        _log_refusals(news)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write whose outcome isn't known yet. The receipt is kept so that no other one gets its identity."""

    receipt: Receipt
    outcome: asyncio.Future[Outcome]

    def settle(self, *, replicated: bool) -> None:
        if not self.outcome.done():
            self.outcome.set_result(Outcome(self.receipt, replicated))


def _called(callback: Callable[[T], None], argument: T) -> None:
    try:
        callback(argument)
    except Exception:  # noqa: BLE001 - whatever is wrong with one of them, the others must know too
        _LOG.exception("replicated state changed, and somebody failed to take note")


def _tell(replica: Replica, heard: Mapping[NodeId, Summary], now: Instant) -> None:
    for peer, summary in heard.items():
        replica.hear(peer, summary, now)


def _log_failure(done: Future[object]) -> None:
    if (error := done.exception()) is not None:
        _LOG.error("replicated state", error=str(error))


def _log_refusals(news: News) -> None:
    reasons = Counter((peer, refusal.cell.table[:64], refusal.reason) for peer, refusal in news.refusals)
    for (peer, table, reason), count in reasons.items():
        _LOG.warning("a member sent what is not kept", peer=peer, table=table, reason=reason, count=count)
