"""How one member catches up with another: what to ask next. Pure: it holds what is known and decides.

In step: our cursor is in the other's log, and a pull from there brings what is new. Not in step (a new member, a log with a new
name, digests that stay different): compare the digests of the tables and pull those that differ from the beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.peers.replication import digest
from corral.peers.replication.messages import MOST_TABLES, Compare, Digests, Page, Pull, Summary
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


class CatchingUp:
    """What we know of one other member's state."""

    def __init__(self, cursor: Cursor | None, timing: Timing) -> None:
        self.cursor = cursor
        self.heard: Summary | None = None
        self.ahead = False  # we refused something of its as from the future, and it doesn't know yet
        self._timing = timing
        self._asked_s: float | None = None
        self._differs_s: float | None = None
        self._repair: Repair | None = None

    def hear(self, summary: Summary, own_digest: str) -> None:
        """It said where its log ends. With equal digests we have it all, wherever we got it from."""
        self.heard = summary
        if summary.digest == own_digest:
            self._advance(Cursor(summary.log, summary.last))
            self._differs_s = None

    def next_request(self, own_digest: str, now_s: float) -> Compare | Pull | None:
        """What to ask now, if anything."""
        if self.heard is None or not self._may_ask(now_s):
            return None
        request = self._wanted(self.heard, own_digest, now_s)
        self._asked_s = None if request is None else now_s
        return request

    def _may_ask(self, now_s: float) -> bool:
        return self._asked_s is None or now_s - self._asked_s >= self._timing.retry_s

    def _wanted(self, heard: Summary, own_digest: str, now_s: float) -> Compare | Pull | None:
        if self._repair is not None:
            return Pull(since=self._repair.at, tables=self._repair.tables, ahead=self.ahead)
        if heard.digest == own_digest:
            return None
        if self.cursor is None or self.cursor.log != heard.log or self.cursor.number > heard.last:
            return Compare()
        if self.cursor.number < heard.last:
            return Pull(since=self.cursor, ahead=self.ahead)
        if self._differs_s is None:
            self._differs_s = now_s
        return Compare() if now_s - self._differs_s >= self._timing.repair_s else None

    def compared(self, theirs: Digests, own: Mapping[str, int]) -> Cursor | None:
        """It told the digests of its tables. The cursor, if that shows that nothing is missing."""
        self._asked_s = self._differs_s = None
        differing = sorted(
            table for table, told in theirs.tables.items() if digest.as_text(own.get(table, 0)) != told
        )
        if differing:
            self._repair = Repair(tuple(differing[:MOST_TABLES]), Cursor(theirs.log, 0), theirs.last)
            return None
        self._repair = None
        self.cursor = Cursor(theirs.log, theirs.last)
        return self.cursor

    def cursor_after(self, page: Page) -> Cursor | None:
        """Where the cursor stands once the page is stored, if it moves."""
        if page.tables:
            done = self._continues(page) and not page.more
            return Cursor(page.log, self._repair.end) if done and self._repair is not None else None
        known = self.cursor
        if known is None or known.log != page.log or page.after > known.number or page.upto <= known.number:
            return None
        return Cursor(page.log, page.upto)

    def stored(self, page: Page, cursor: Cursor | None, *, ahead: bool) -> None:
        """A page that we asked for is stored: go on."""
        self._asked_s = None
        if page.tables and self._repair is not None:
            if page.log != self._repair.at.log:
                self._repair = None
            elif self._continues(page):
                at = Cursor(page.log, page.upto)
                self._repair = Repair(self._repair.tables, at, self._repair.end) if page.more else None
        self.advance_to(cursor)
        self.ahead = ahead or (self.ahead and page.more)

    def advance_to(self, cursor: Cursor | None) -> None:
        """Set the cursor where it stands in the storage now."""
        if cursor is not None:
            self.cursor = cursor

    def failed(self) -> None:
        """The question got no answer: it may be asked again."""
        self._asked_s = None

    def _continues(self, page: Page) -> bool:
        repair = self._repair
        return (
            repair is not None
            and page.tables == repair.tables
            and page.log == repair.at.log
            and page.after <= repair.at.number <= page.upto
        )

    def _advance(self, cursor: Cursor) -> None:
        if self.cursor is None or self.cursor.log != cursor.log or self.cursor.number < cursor.number:
            self.cursor = cursor
