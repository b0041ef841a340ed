"""Records on their way into the database: what its rows get of them, without what nobody asks for any more."""

from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.gateway.recording import RequestRecord
from corral.app.history.row import Texts, Usage, request_values, summed, texts_of, usage_of
from corral.app.store.database import Statement, Value
from corral.app.store.history import REQUESTS, TEXTS, UPSERT_USAGE, UPSERT_USAGE_OF_ROWS, insert_statements
from corral.app.store.history_log import take

NO_TEXTS = Texts(request="", answer="")


@dataclass(slots=True, kw_only=True)
class Entry:
    """One record."""

    values: tuple[Value, ...] | None  # of its row, without the number; None: it gets no row
    texts: Texts | None  # None: they are not kept
    usage: Usage | None  # what it adds to sums, if it gets no row: those with rows are added up from them
    size: int  # bytes of the record's texts, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one transaction."""

    count: int
    statements: Sequence[Statement]


def entry_of(record: RequestRecord, *, has_row: bool, texts: bool, size: int) -> Entry:
    """`size`: `size_of` the record. Takes time with long texts."""
    return Entry(
        values=request_values(record) if has_row else None,
        texts=texts_of(record) if has_row and texts else None,
        usage=None if has_row else usage_of(record),
        size=size,
    )


def size_of(record: RequestRecord) -> int:
    """Bytes of its texts, about."""
    events = 0 if record.trace.events is None else len(record.trace.events) * 100
    return len(record.request_body) + sum(map(len, record.answer)) + events


def forget_texts(record: RequestRecord) -> None:
    """Keep the numbers only."""
    record.request_body, record.answer = b"", []
    if record.trace.events is not None:
        record.trace.events = []


def batch_of(entries: Sequence[Entry]) -> Batch:
    """The statements that write them."""
    values, said, number = [], [], 0
    for entry in entries:
        if entry.values is None:
            continue
        number += 1
        values.append((number, *entry.values))
        if (texts := entry.texts) is not None:
            said.append((number, *texts, ""))  # its words are found later: app/store/search_index.py
    last = number + 1  # of the sums: others get them after the rows
    sums = [(*each, last) for each in summed(entry.usage for entry in entries if entry.usage is not None)]
    statements = [*insert_statements(*REQUESTS, values), *insert_statements(*TEXTS, said)]
    statements.append(Statement(UPSERT_USAGE_OF_ROWS, [(last,)]))
    if sums:
        statements.append(Statement(UPSERT_USAGE, sums))
    return Batch(count=number, statements=[*statements, take(last)])
