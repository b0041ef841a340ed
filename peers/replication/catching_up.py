"""How one member catches up with another: what to ask next. Pure: it holds what is known and decides.

In step: our cursor is in the other's log, and a pull from there brings what is new. Not in step (a new member, a log with a new
name, digests that stay different): compare the digests of the tables and pull those that differ from the beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.peers.replication import digest
from corral.peers.replication.clock import Instant
from corral.peers.replication.messages import Compare, Digests, Page, Pull, Summary
from corral.peers.replication.storage import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, in seconds."""

    patience_s: float = 0.3  # a write waits so long for another member to store it
    retry_s: float = 2.0  # a question without an answer is asked again
    repair_s: float = 60.0  # digests may differ so long before the tables are compared


@dataclass(frozen=True, slots=True)
class Repair:
    """Tables that differ, how far they were read again, and where the log ended when they were compared."""

    tables: tuple[str, ...]
    at: Cursor
    end: int

    def continued_by(self, page: Page) -> bool:
        """Whether the page is of these tables and leaves no gap."""
        follows = page.log == self.at.log and page.after <= self.at.number <= page.upto
        return follows and page.tables == self.tables

    def after(self, page: Page) -> "Repair | None":
        """What is left once the page is stored; nothing if the log is another one now."""
        if not self.continued_by(page):
            return None if page.log != self.at.log else self
        return Repair(self.tables, Cursor(page.log, page.upto), self.end) if page.more else None


class CatchingUp:
    """What we know of one other member's state."""

    def __init__(self, cursor: Cursor | None, timing: Timing) -> None:
        self.heard: Summary | None = None
        self._cursor = cursor
        self._timing = timing
        self._heard_at = Instant(0, 0.0)
        self._asked_s: float | None = None
        self._differs_s: float | None = None
        self._repair: Repair | None = None

    @property
    def skew_s(self) -> float:
        """How far its clock is ahead of ours, save for the time that a message takes."""
        return (self.heard.wall_ms - self._heard_at.wall_ms) / 1000 if self.heard else 0.0

    def wall_ms(self, now: Instant) -> int | None:
        """What its clock shows now, reckoned with ours that doesn't jump."""
        if self.heard is None:
            return None
        return self.heard.wall_ms + int((now.waited_s - self._heard_at.waited_s) * 1000)

    def hear(self, summary: Summary, own_digest: str, now: Instant) -> None:
        """It said where its log ends. With equal digests we have it all, wherever we got it from."""
        self.heard = summary
        self._heard_at = now
        if summary.digest == own_digest:
            self.advance(Cursor(summary.log, summary.last))
            self._differs_s = None
        elif self._cursor is not None and not _within(self._cursor, summary):
            self._cursor = None

    def compare_anew(self) -> None:
        """What was refused of it may be acceptable now: if it holds something else, begin with the digests."""
        self._cursor = self._repair = None

    def differs(self, own_digest: str) -> bool:
        """Whether it said that it holds something else than we do: there is something to ask, now or later."""
        return self._repair is not None or (self.heard is not None and self.heard.digest != own_digest)

    def next_request(self, own_digest: str, now: Instant) -> Compare | Pull | None:
        """What to ask now, if anything. Until the answer is there or late, nothing else is asked."""
        late = self._asked_s is None or now.waited_s - self._asked_s >= self._timing.retry_s
        if self.heard is None or not late:
            return None
        request = self._wanted(self.heard, own_digest, now)
        self._asked_s = None if request is None else now.waited_s
        return request

    def _wanted(self, heard: Summary, own_digest: str, now: Instant) -> Compare | Pull | None:
        if self._repair is not None:
            return Pull(since=self._repair.at, tables=self._repair.tables)
        if heard.digest == own_digest:
            return None
        if self._cursor is None:
            return Compare()
        if self._cursor.log == heard.log and self._cursor.number < heard.last:
            return Pull(since=self._cursor)
        if self._differs_s is None:
            self._differs_s = now.waited_s
        return Compare() if now.waited_s - self._differs_s >= self._timing.repair_s else None

    def compared(self, theirs: Digests, own: Mapping[str, int]) -> None:
        """It told the digests of its tables: read again what differs."""
        self._asked_s = self._differs_s = None
        differing = tuple(
            table
            for table, told in sorted(theirs.tables.items())
            if digest.as_text(own.get(table, 0)) != told
        )
        if differing:
            self._repair = Repair(differing, Cursor(theirs.log, 0), theirs.last)
        else:
            self._repair = None
            self.advance(Cursor(theirs.log, theirs.last))

    def cursor_after(self, page: Page) -> Cursor | None:
        """Where the cursor will stand once the page is stored; None: where it stands."""
        if page.tables:
            repair = self._repair
            done = repair is not None and repair.continued_by(page) and not page.more
            return self._further(Cursor(page.log, repair.end)) if repair is not None and done else None
        known = self._cursor
        if known is None or known.log != page.log or page.after > known.number:
            return None
        return self._further(Cursor(page.log, page.upto))

    def stored(self, page: Page) -> None:
        """A page that we asked for is stored: go on from there."""
        self.advance(self.cursor_after(page))
        self._asked_s = None
        if page.tables and self._repair is not None:
            self._repair = self._repair.after(page)
        elif self._repair is not None and self._repair.at.log != page.log:
            self._repair = None

    def advance(self, cursor: Cursor | None) -> None:
        """Everything up to there is stored."""
        if cursor is not None:
            self._cursor = self._further(cursor) or self._cursor

    def failed(self) -> None:
        """The question got no answer: it may be asked again."""
        self._asked_s = None

    def _further(self, cursor: Cursor) -> Cursor | None:
        known = self._cursor
        behind = known is not None and known.log == cursor.log and cursor.number <= known.number
        return None if behind else cursor


def _within(cursor: Cursor, heard: Summary) -> bool:
    """Whether the log that it names is still there and as long."""
    return cursor.log == heard.log and cursor.number <= heard.last
