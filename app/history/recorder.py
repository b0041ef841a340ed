"""Writes records of requests into the database, in batches and off the hot path; pauses while it can't.

Small records become the values of rows some dozen at a time: what makes them is fetched into the processor's caches once for all
of them, and the records are there still; hundreds that wait would drive everything else out. Rows are written later, many at a time.
"""

import asyncio
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.history.block import Batch, Block, batch_of, forget_texts, size_of
from corral.app.store.database import Database
from corral.app.store.errors import DiskFull
from corral.app.store.numbered_rows import MOST_ROWS
from corral.app.store.search_index import STEP as INDEX_STEP
from corral.app.store.search_index import SearchIndex
from corral.app.uninterrupted import uninterrupted

FLUSH_S = 0.5  # a record waits so long for others; it may be a second with the time that writing takes
RETRY_S = 2.0  # while nothing can be written
STOP_S = 5.0  # the last records get so long when the node stops
BATCH = 2_000  # records of a transaction
MOST_RECORDS = 20_000  # that wait; beyond it the oldest are lost
MOST_BYTES = 64 * 2**20  # of their texts; beyond it the oldest texts are lost
QUIET = 100  # records of one flush; with more the search index has to wait
INDEX_RETRY_S = 60.0
MOST_UNINDEXED = 50_000  # texts; beyond it as many go into the index as come
MADE_AT_ONCE = 32  # records that become rows in one turn of the loop; MOST_ROWS is a multiple of it
LARGE_BYTES = 64 * 1024  # texts of such a record are put together in a thread
STRANGERS_PER_S = 20  # refused requests of nobody known that get a row each; others are only counted
_LOG = structlog.get_logger(__name__)


class Keep(StrEnum):
    """What is kept of each request."""

    FULL = "full"
    NUMBERS = "numbers"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStatus:
    """Whether the history is being written, for people to see."""

    keep: Keep = Keep.FULL
    paused: bool
    reason: str | None = None
    since: float | None = None  # Unix time, seconds
    waiting: int = 0
    lost: int = 0  # records since the start of the node


class Recorder:
    """The RequestLog in the database. Keep `run` running; `stop` writes the last ones."""

    def __init__(
        self,
        *,
        database: Database,
        keep: Keep = Keep.FULL,
        now: Callable[[], float] = time.time,
        retry_s: float = RETRY_S,
        most_records: int = MOST_RECORDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._database = database
        self._keep = keep
        self._now = now
        self._retry_s = retry_s
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._fresh: list[RequestRecord] = []  # the last to come
        self._sizes: list[int] = []  # of each of them
        self._waiting: deque[Block | RequestRecord] = deque()  # before them; large ones are records still
        self._count = 0  # of all these records
        self._bytes = 0  # of their texts
        self._some = asyncio.Event()
        self._batch: Batch | None = None  # made, but not written yet
        self._writing = asyncio.Lock()
        self._strangers = _PerSecond(STRANGERS_PER_S)
        self._lost = 0
        self._pause: tuple[str, float] | None = None
        self._index = SearchIndex(database)
        self._index_again_at = 0.0  # of the monotonic clock
        # Texts written since the index had all, about. One at first: some may have waited when the node stopped.
        self._unindexed = 1

    def set_keep(self, keep: Keep) -> None:
        """For requests that end from now on."""
        self._keep = keep

    @property
    def status(self) -> RecordingStatus:
        reason, since = self._pause or (None, None)
        waiting = self._count + (0 if self._batch is None else self._batch.count)
        return RecordingStatus(
            keep=self._keep,
            paused=reason is not None,
            reason=reason,
            since=since,
            waiting=waiting,
            lost=self._lost,
        )

    def put(self, record: RequestRecord) -> None:
        """Keep a record soon."""
        if self._keep is Keep.OFF:
            return
        if self._keep is Keep.NUMBERS:
            forget_texts(record)
        size = size_of(record)
        self._fresh.append(record)
        self._sizes.append(size)
        self._count += 1
        self._bytes += size
        if len(self._fresh) == MADE_AT_ONCE:
            asyncio.get_running_loop().call_soon(self._make)
        if self._count > self._most_records or self._bytes > self._most_bytes:
            self._make_room()
        self._some.set()

    async def run(self) -> None:
        """Write what comes, and what was said into the search index, for ever."""
        while True:
            if not self._unindexed:
                await self._some.wait()
            await asyncio.sleep(FLUSH_S)
            written = await self.flush()
            if self._pause is not None:
                await asyncio.sleep(self._retry_s)
            elif self._unindexed and time.monotonic() >= self._index_again_at:
                await self._look_after_index(written)

    async def flush(self) -> int:
        """Write all that waits, or pause; how many records were written.

        What comes meanwhile waits for the next time: under load there is always something, and a transaction for each few
        records costs more than all the rest.
        """
        async with self._writing:
            self._some.clear()
            self._make()
            left = self._count
            written = 0
            try:
                while left > 0 or self._batch is not None:
                    taken, count = await self._write_batch(min(left, BATCH))
                    left, written = left - taken, written + count
            except (DiskFull, sqlite3.Error) as error:
                self._paused(error)
                self._some.set()
            else:
                self._resumed()
        self._unindexed += written
        return written

    async def stop(self) -> None:
        """Write the last records, if that is possible soon."""
        try:
            async with asyncio.timeout(STOP_S):
                await self.flush()
                while self._pause is None and self.status.waiting:
                    await self.flush()
        except TimeoutError:
            _LOG.warning("the last records of the history were not written", records=self.status.waiting)

    async def _look_after_index(self, written: int) -> None:
        """Go on with it as long as few records come. `written`: how many came since the last time."""
        steps = math.ceil(written / INDEX_STEP) if self._unindexed > MOST_UNINDEXED else 0
        try:
            while steps > 0 or (written <= QUIET and self._count <= QUIET):
                taken = await self._index.step()
                if taken < INDEX_STEP:
                    self._unindexed = 0
                    return
                steps, self._unindexed = steps - 1, max(self._unindexed - taken, 1)
        except (DiskFull, sqlite3.Error) as error:
            self._index_again_at = time.monotonic() + INDEX_RETRY_S
            _LOG.warning("the search index has to wait", error=str(error))

    async def _write_batch(self, most: int) -> tuple[int, int]:
        """Write a batch; how many records were taken for it from those that wait, and how many rows it has."""
        taken = 0
        if self._batch is None:
            some = self._taken(most)
            count, size = sum(map(_count, some)), sum(map(_size, some))
            taken = max(count, 1)  # fewer may be left, if the oldest were dropped meanwhile
            self._count -= count
            self._bytes -= size
            try:
                self._batch = batch_of(
                    [each if isinstance(each, Block) else await self._made(each) for each in some]
                )
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(some))
                self._count += count
                self._bytes += size
                raise
        batch = self._batch
        await uninterrupted(self._write(batch))
        return taken, batch.count

    def _taken(self, most: int) -> list[Block | RequestRecord]:
        """Of those that wait the oldest, about so many records."""
        some, count = list[Block | RequestRecord](), 0
        while self._waiting and count < most:
            some.append(self._waiting.popleft())
            count += _count(some[-1])
        return some

    async def _write(self, batch: Batch) -> None:
        await self._database.write(batch.statements)
        self._batch = None

    def _make(self) -> None:
        """Fresh records become rows, unless they are large."""
        records, sizes = self._fresh, self._sizes
        self._fresh, self._sizes = [], []
        with_rows, their_sizes = list[RequestRecord](), list[int]()
        for record, size in zip(records, sizes, strict=True):
            if size > LARGE_BYTES:
                if with_rows:
                    self._last_block().add(with_rows, their_sizes)
                    with_rows, their_sizes = [], []
                self._waiting.append(record)
            elif self._gets_a_row(record):
                with_rows.append(record)
                their_sizes.append(size)
            else:
                self._last_block().count_in(record)
                self._bytes -= size
        if with_rows:
            self._last_block().add(with_rows, their_sizes)

    def _last_block(self) -> Block:
        """For more records."""
        texts = self._keep is Keep.FULL
        last = self._waiting[-1] if self._waiting else None
        if not isinstance(last, Block) or last.keeps_texts != texts or last.count >= MOST_ROWS:
            last = Block(keeps_texts=texts)
            self._waiting.append(last)
        return last

    async def _made(self, record: RequestRecord) -> Block:
        block = Block(keeps_texts=self._keep is Keep.FULL)
        if self._gets_a_row(record):
            await asyncio.to_thread(block.add, [record], [size_of(record)])
        else:
            block.count_in(record)
        return block

    def _gets_a_row(self, record: RequestRecord) -> bool:
        stranger = record.client.principal is None and record.outcome is Outcome.REFUSED
        return not stranger or self._strangers.allows(record.started_at)

    def _make_room(self) -> None:
        """Lose the oldest records, and of the oldest that have some the texts until half of the room is free."""
        self._make()
        while self._count > self._most_records:
            oldest = self._waiting[0]
            self._bytes -= oldest.drop_oldest() if isinstance(oldest, Block) else size_of(oldest)
            if not isinstance(oldest, Block) or not oldest.count:
                self._waiting.popleft()
            self._count -= 1
            self._lost += 1
        if self._bytes > self._most_bytes:
            for each in self._waiting:
                if (excess := self._bytes - self._most_bytes // 2) <= 0:
                    return
                self._bytes -= each.drop_texts(excess) if isinstance(each, Block) else _forgotten(each)

    def _paused(self, error: Exception) -> None:
        if self._pause is None:
            reason = (
                "the disk is full or can't be written"
                if isinstance(error, DiskFull)
                else "the database fails"
            )
            self._pause = (reason, self._now())
            _LOG.error("recording pauses", error=str(error))

    def _resumed(self) -> None:
        if self._pause is not None:
            self._pause = None
            _LOG.info("recording goes on", lost=self._lost)


class _PerSecond:
    """Lets so many through in each second."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = 0
        self._count = 0

    def allows(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        return self._count <= self._limit


def _size(waiting: Block | RequestRecord) -> int:
    return waiting.size if isinstance(waiting, Block) else size_of(waiting)


def _count(waiting: Block | RequestRecord) -> int:
    return waiting.count if isinstance(waiting, Block) else 1


def _forgotten(record: RequestRecord) -> int:
    size = size_of(record)
    forget_texts(record)
    return size
