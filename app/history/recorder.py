"""Writes records of requests into the database, in batches and off the hot path; pauses while it can't."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.history.row import request_values, texts_of, usage_rows
from corral.app.store.database import Database, Statement, Value
from corral.app.store.errors import DiskFull
from corral.app.store.history import REQUESTS, TEXTS, UPSERT_USAGE, insert_statements
from corral.app.store.history_log import take

FLUSH_S = 0.5  # a record waits so long for others; twice as often costs 10 % of requests/s at full load
RETRY_S = 2.0  # while nothing can be written
STOP_S = 5.0  # the last records get so long when the node stops
BATCH = 1_000
MOST_RECORDS = 20_000  # that wait; beyond it the oldest are lost
MOST_BYTES = 64 * 2**20  # of their texts; beyond it the oldest texts are lost
LARGE_BYTES = 64 * 1024  # texts of such a record are put together in a thread
_AT_A_TIME = 25  # other records that are made before the loop has its turn: about a millisecond
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
        self._waiting: deque[RequestRecord] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._batch: _Batch | None = None  # made, but not written yet
        self._writing = asyncio.Lock()
        self._strangers = _PerSecond(STRANGERS_PER_S)
        self._lost = 0
        self._pause: tuple[str, float] | None = None

    def set_keep(self, keep: Keep) -> None:
        """For requests that end from now on."""
        self._keep = keep

    @property
    def status(self) -> RecordingStatus:
        reason, since = self._pause or (None, None)
        waiting = len(self._waiting) + (0 if self._batch is None else self._batch.count)
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
            _forget_texts(record)
        self._waiting.append(record)
        self._bytes += _size(record)
        if len(self._waiting) > self._most_records:
            self._bytes -= _size(self._waiting.popleft())
            self._lost += 1
        if self._bytes > self._most_bytes:
            self._drop_texts()
        self._some.set()

    async def run(self) -> None:
        """Write what comes, for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(FLUSH_S)
            await self.flush()
            if self._pause is not None:
                await asyncio.sleep(self._retry_s)

    async def flush(self) -> None:
        """Write all that waits, or pause."""
        async with self._writing:
            self._some.clear()
            try:
                while self._waiting or self._batch is not None:
                    await self._write_batch()
            except (DiskFull, sqlite3.Error) as error:
                self._paused(error)
                self._some.set()
            else:
                self._resumed()

    async def stop(self) -> None:
        """Write the last records, if that is possible soon."""
        try:
            async with asyncio.timeout(STOP_S):
                await self.flush()
        except TimeoutError:
            _LOG.warning("the last records of the history were not written", records=self.status.waiting)

    async def _write_batch(self) -> None:
        if self._batch is None:
            records = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._bytes -= sum(map(_size, records))
            rows = [each for each in records if self._gets_a_row(each)]
            self._batch = await _made(rows, records, texts=self._keep is Keep.FULL)
        await self._database.write(self._batch.statements)
        self._batch = None

    def _gets_a_row(self, record: RequestRecord) -> bool:
        stranger = record.client.principal is None and record.outcome is Outcome.REFUSED
        return not stranger or self._strangers.allows(record.started_at)

    def _drop_texts(self) -> None:
        for record in self._waiting:
            if self._bytes <= self._most_bytes // 2:
                return
            self._bytes -= _size(record)
            _forget_texts(record)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Rows of one transaction."""

    count: int
    statements: Sequence[Statement]


async def _made(rows: Sequence[RequestRecord], records: Sequence[RequestRecord], *, texts: bool) -> _Batch:
    """Small records are made on the loop: a thread would take the interpreter from it a millisecond at a time, which costs
    answers more than the work itself."""
    values: list[tuple[Value, ...]] = []
    said: list[tuple[Value, ...]] = []
    for number, record in enumerate(rows, start=1):
        values.append(request_values(record, number))
        if texts:
            large = _size(record) > LARGE_BYTES
            each = await asyncio.to_thread(texts_of, record) if large else texts_of(record)
            said.append((number, each.request, each.answer, each.searched))
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
    last = len(rows) + 1  # of the sums: others get them after the rows
    sums = [(*each, last) for each in usage_rows(records)]
    statements = [*insert_statements(*REQUESTS, values), *insert_statements(*TEXTS, said)]
    return _Batch(count=len(rows), statements=[*statements, Statement(UPSERT_USAGE, sums), take(last)])


def _size(record: RequestRecord) -> int:
    """Bytes of its texts, about."""
    events = 0 if record.trace.events is None else len(record.trace.events) * 100
    return len(record.request_body) + sum(map(len, record.answer)) + events


def _forget_texts(record: RequestRecord) -> None:
    record.request_body, record.answer = b"", []
    if record.trace.events is not None:
        record.trace.events = []
