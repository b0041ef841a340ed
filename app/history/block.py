"""Records on their way into the database, as the values of its rows: few objects for each, written as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from corral.app.gateway.recording import MAX_ANSWER_BYTES, RequestRecord
from corral.app.history.row import Usage, request_values, summed, texts_of_each, usage_of
from corral.app.store.database import Statement, Value
from corral.app.store.history import REQUESTS, TEXTS, UPSERT_USAGE, UPSERT_USAGE_OF_ROWS
from corral.app.store.history_log import take
from corral.app.store.numbered_rows import insert_statements

_TEXTS_WIDTH = 3
_NO_TEXTS = ("", "", "")  # the last are its words, which are found later: app/store/search_index.py


@dataclass(slots=True, kw_only=True)
class Block:
    """Some records, the oldest first."""

    keeps_texts: bool
    values: list[Value] = field(default_factory=list)  # of one row of table `requests` after another
    texts: list[Value] = field(default_factory=list)  # the same of `request_texts`, if they are kept
    sizes: list[int] = field(default_factory=list)  # bytes of each row's texts, about
    uses: list[Usage] = field(default_factory=list)  # what records without a row add to sums

    @property
    def count(self) -> int:
        """Records."""
        return len(self.sizes) + len(self.uses)

    @property
    def size(self) -> int:
        """Bytes of all texts, about."""
        return sum(self.sizes)

    def add(self, records: Sequence[RequestRecord], sizes: Sequence[int]) -> None:
        """A row for each. `sizes`: `size_of` each. Takes time with long texts."""
        values, texts = self.values, self.texts
        if self.keeps_texts:
            for asked, said in texts_of_each(records):
                texts += (asked, said, "")
        for record in records:
            values += request_values(record)
        self.sizes += sizes

    def count_in(self, record: RequestRecord) -> None:
        """Only add a record to sums: those of rows are added up from them."""
        self.uses.append(usage_of(record))

    def drop_oldest(self) -> int:
        """Lose a record; the bytes of its texts."""
        if not self.sizes:
            self.uses.pop(0)
            return 0
        width = len(self.values) // len(self.sizes)
        del self.values[:width], self.texts[:_TEXTS_WIDTH]
        return self.sizes.pop(0)

    def drop_texts(self, least: int) -> int:
        """Of the oldest that have some, until so many bytes are gone; how many really."""
        dropped = 0
        for row, size in enumerate(self.sizes):
            if dropped >= least:
                break
            if self.keeps_texts:
                self.texts[row * _TEXTS_WIDTH : (row + 1) * _TEXTS_WIDTH] = _NO_TEXTS
            self.sizes[row] = 0
            dropped += size
        return dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one transaction."""

    count: int
    statements: Sequence[Statement]


def size_of(record: RequestRecord) -> int:
    """Bytes of its texts, about."""
    size = len(record.request_body)
    if record.answer:
        size += min(record.answer_bytes, MAX_ANSWER_BYTES)
    events = record.trace.events
    return size if events is None else size + len(events) * 100


def forget_texts(record: RequestRecord) -> None:
    """Keep the numbers only."""
    record.request_body, record.answer = b"", []
    if record.trace.events is not None:
        record.trace.events = []


def batch_of(blocks: Sequence[Block]) -> Batch:
    """The statements that write blocks, which are given away."""
    statements, count = list[Statement](), 0
    for block in blocks:
        statements += insert_statements(*REQUESTS, block.values, before=count)
        statements += insert_statements(*TEXTS, block.texts, before=count)
        count += len(block.sizes)
    last = count + 1  # of the sums: others get them after the rows
    statements.append(Statement(UPSERT_USAGE_OF_ROWS, [(last,)]))
    if sums := summed(use for block in blocks for use in block.uses):
        statements.append(Statement(UPSERT_USAGE, [(*each, last) for each in sums]))
    return Batch(count=count, statements=[*statements, take(last)])
