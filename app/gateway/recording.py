"""What is remembered of a request, gathered while it is answered; whoever keeps it works off the hot path."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from corral.app.gateway.endpoint import Client
from corral.app.gateway.trace import Trace

_READABLE = ("application/json", "application/x-ndjson", "text/")
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # what comes after it is answered, but not kept


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"  # 4xx
    FAILED = "failed"  # 5xx, or an error event in a stream
    CANCELLED = "cancelled"  # the client left before the end


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request with its answer. Bodies are as they went over the wire."""

    id: str
    request_id: str
    started_at: float  # Unix time, seconds
    method: str
    path: str
    client: Client
    trace: Trace
    model: str | None = None  # as the client wrote it
    streamed: bool = False
    request_body: bytes = (
        b""  # empty if the request was refused before it was read; of a form without its files
    )
    request_bytes: int | None = None  # also those that were not kept; None: those of `request_body`
    status: int = 0
    content_type: str = ""  # of the answer
    answer: list[bytes] = field(default_factory=list)  # empty where the trace has its events
    answer_bytes: int = 0  # also those that were not kept
    outcome: Outcome = Outcome.OK
    duration_s: float = 0.0  # until the last byte

    @property
    def received_bytes(self) -> int:
        """The length of the client's body."""
        return len(self.request_body) if self.request_bytes is None else self.request_bytes

    @property
    def answers_media(self) -> bool:
        """Whether the answer is a sound or picture as it is, of which nothing is kept."""
        return self.status == 200 and self.content_type != "" and not self.content_type.startswith(_READABLE)


class RequestLog(Protocol):
    """Keeps records. `put` returns at once and never raises."""

    def put(self, record: RequestRecord) -> None: ...


class RecordedBody:
    """Passes an answer on and remembers it; the record is complete when the answer ends or is closed."""

    def __init__(
        self, body: AsyncIterator[bytes], record: RequestRecord, finish: Callable[[RequestRecord], None]
    ) -> None:
        """`finish` is called once."""
        self._body = body
        self._record = record
        self._keeps = not record.answers_media
        self._finish: Callable[[RequestRecord], None] | None = finish

    def __aiter__(self) -> "RecordedBody":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._body)
        except StopAsyncIteration:
            self._end(cancelled=False)
            raise
        record = self._record
        record.answer_bytes += len(piece)
        if self._keeps and record.trace.events is None and record.answer_bytes <= MAX_ANSWER_BYTES:
            record.answer.append(piece)
        return piece

    async def aclose(self) -> None:
        """Close what is passed on."""
        try:
            if close := getattr(self._body, "aclose", None):
                await close()
        finally:
            self._end(cancelled=True)

    def _end(self, *, cancelled: bool) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            self._record.outcome = outcome_of(self._record, cancelled=cancelled)
            finish(self._record)


def outcome_of(record: RequestRecord, *, cancelled: bool) -> Outcome:
    """How a request ended, seen from its record."""
    if record.status >= 500 or (record.status < 400 and record.trace.error_code is not None):
        return Outcome.FAILED
    if record.status >= 400:
        return Outcome.REFUSED
    return Outcome.CANCELLED if cancelled else Outcome.OK
