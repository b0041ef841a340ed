"""One machine's copy of the replicated state: writes here, what other members say, and what to send to whom.

It does no I/O but to its storage, which blocks, so all calls come from one thread. The caller carries messages: it sends what
`due` says, gives answers to `receive` (or `failed`), questions of members to `answer`, and puts `summary` into its heartbeats.
Members are known by their certificates before anything of theirs gets here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.catching_up import CatchingUp, Timing
from corral.peers.replication.cell import RULES, Cell, Rules
from corral.peers.replication.clock import DAY_MS, MADE_MS, HybridClock, Instant, Stamp, horizon
from corral.peers.replication.edit import Edit, cells_of
from corral.peers.replication.merge import Refusal, Sorted, forget, merge, replace, sort_out
from corral.peers.replication.messages import (
    MOST_CELLS,
    MOST_TABLES,
    Answer,
    Compare,
    Digests,
    Page,
    Pull,
    Push,
    Request,
    Stored,
    Summary,
)
from corral.peers.replication.projection import Projection, Row, project
from corral.peers.replication.receipt import Outcome, Receipt, Receipts
from corral.peers.replication.schema import TABLES, Table
from corral.peers.replication.storage import Storage

_PAGE_CHARACTERS = 2 * 1024 * 1024
_MOST_REFUSALS = 100  # remembered until they are taken
_AGREE_MS = 3_600_000  # two clocks that are this near are right, for what needs days
_ABOVE_ALL = Stamp("~")


@dataclass(frozen=True, slots=True)
class Send:
    """A question to ask a member."""

    to: NodeId
    request: Request


class Replica:
    """A replica over a storage."""

    def __init__(
        self,
        *,
        node: NodeId,
        storage: Storage,
        tables: Mapping[str, Table] = TABLES,
        rules: Rules = RULES,
        timing: Timing | None = None,
    ) -> None:
        self._storage = storage
        self._tables = tables
        self._rules = rules
        self._timing = timing or Timing()
        self._clock = HybridClock(node, storage.newest(_ABOVE_ALL))
        self._receipts = Receipts(patience_s=self._timing.patience_s)
        self._day: int | None = None  # of which old cells are forgotten
        self._epoch_ms: int | None = (
            None  # what the believed wall clock is ahead of the one that doesn't jump
        )
        self._live: frozenset[NodeId] = frozenset()
        self._pushes: dict[NodeId, int] = {}  # to whom to hand over what is above this number
        self._changed: set[tuple[str, str]] = set()
        self._refusals: list[tuple[NodeId, Refusal]] = []
        self._members = {peer: CatchingUp(cursor, self._timing) for peer, cursor in storage.cursors().items()}

    # --- here

    def write(self, edits: Sequence[Edit], now: Instant) -> Receipt:
        """Store edits, all or none, with one stamp; `settled` tells when another member has them. Raises EditRefused."""
        stamp = self._clock.tick(now.wall_ms)
        cells = cells_of(edits, stamp, tables=self._tables, stored=self._storage.get)
        after = self._storage.last
        self._note(merge(self._storage, cells, rules=self._rules, clock=self._clock))
        self._push_above(after)
        receipt = Receipt(after=after, upto=self._storage.last, written_s=now.waited_s)
        self._receipts.wait_for(receipt, self._live)
        return receipt

    def settled(self, now: Instant) -> tuple[Outcome, ...]:
        """Writes of which it became known whether another member has them."""
        return self._receipts.settled(now.waited_s)

    def rows(self, table: str) -> Projection:
        """A table as the rest of the program reads it."""
        return project(self._tables[table], self._storage.table(table))

    def row(self, table: str, id: str) -> Row | None:
        """One row of a table as the rest of the program reads it, without reading the table unless names are unique there."""
        defined = self._tables[table]
        alone = defined.unique_column is None
        found = project(defined, self._storage.row(table, id)) if alone else self.rows(table)
        return next((row for row in found.rows if row.id == id), None)

    def take_changes(self) -> frozenset[tuple[str, str]]:
        """The rows, by table and id, that changed since the last call."""
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def take_refusals(self) -> tuple[tuple[NodeId, Refusal], ...]:
        """What members sent since the last call that wasn't kept, for the log; the first 100."""
        refusals = tuple(self._refusals)
        self._refusals.clear()
        return refusals

    # --- other members

    def set_live(self, peers: Collection[NodeId]) -> None:
        """Which other members answer now."""
        self._live = frozenset(peers)
        self._pushes = {peer: after for peer, after in self._pushes.items() if peer in self._live}

    def forget(self, peer: NodeId) -> None:
        """It is no member any more."""
        self._members.pop(peer, None)
        self.set_live(self._live - {peer})

    def summary(self, now: Instant) -> Summary:
        """What the next heartbeats say."""
        return Summary(
            log=self._storage.log, last=self._storage.last, digest=self.digest, wall_ms=max(now.wall_ms, 0)
        )

    @property
    def digest(self) -> str:
        """Equal on two machines if all their cells are."""
        return digest.of_all(self._storage.digests())

    def hear(self, peer: NodeId, summary: Summary, now: Instant) -> None:
        """What a member's heartbeat said."""
        self._member(peer).hear(summary, self.digest, now)

    def skew_s(self, peer: NodeId) -> float:
        """How far a member's clock was ahead of ours at its last heartbeat. More than half a minute should be shown."""
        return self._member(peer).skew_s

    def due(self, now: Instant) -> tuple[Send, ...]:
        """What to send now. To be asked after every event, and a few times a second: it also tidies up."""
        self._tidy(now)
        pushes = [Send(peer, Push(page=self._page(after))) for peer, after in sorted(self._pushes.items())]
        self._pushes.clear()
        own = self.digest
        questions = ((peer, self._member(peer).next_request(own, now)) for peer in sorted(self._live))
        return (*pushes, *(Send(peer, request) for peer, request in questions if request is not None))

    def answer(self, peer: NodeId, request: Request, now: Instant) -> Answer:
        """The answer to a member's question."""
        match request:
            case Push(page=page):
                return self._take(peer, page, now)
            case Pull():
                return self._asked_for(request)
            case Compare():
                return self._digests()

    def receive(self, peer: NodeId, answer: Answer, now: Instant) -> None:
        """A member's answer to what we asked."""
        match answer:
            case Page():
                self._store(peer, answer, now)
                self._member(peer).stored(answer)
            case Digests():
                self._member(peer).compared(answer, self._storage.digests())
            case Stored():
                self._handed_over(answer)

    @property
    def in_step(self) -> bool:
        """Whether all live members said, when last heard, that they hold what we do. Else `due` is to be asked often."""
        own = self.digest
        return not any(self._member(peer).differs(own) for peer in self._live)

    def failed(self, peer: NodeId) -> None:
        """A member didn't answer what we asked."""
        self._member(peer).failed()

    # --- parts

    def _member(self, peer: NodeId) -> CatchingUp:
        if peer not in self._members:
            self._members[peer] = CatchingUp(None, self._timing)
        return self._members[peer]

    def _note(self, cells: Iterable[Cell]) -> None:
        self._changed.update((cell.table, cell.id) for cell in cells)

    def _push_above(self, number: int) -> None:
        for peer in self._live:
            self._pushes[peer] = min(number, self._pushes.get(peer, number))

    def _store(self, peer: NodeId, page: Page, now: Instant) -> Sorted:
        sorted_out = sort_out(page.cells, self._rules, self._believed_ms(now))
        cursor = self._member(peer).cursor_after(page)
        self._note(
            merge(
                self._storage,
                sorted_out.kept,
                rules=self._rules,
                clock=self._clock,
                cursors={} if cursor is None else {peer: cursor},
            )
        )
        room = _MOST_REFUSALS - len(self._refusals)
        self._refusals += [(peer, each) for each in sorted_out.refused[:room]]
        return sorted_out

    def _take(self, peer: NodeId, page: Page, now: Instant) -> Stored:
        sorted_out = self._store(peer, page, now)
        member = self._member(peer)
        member.advance(member.cursor_after(page))
        return Stored(log=page.log, after=page.after, upto=page.upto, refused=len(sorted_out.refused))

    def _handed_over(self, answer: Stored) -> None:
        if not answer.refused and answer.log == self._storage.log:
            self._receipts.stored(after=answer.after, upto=answer.upto)

    def _asked_for(self, request: Pull) -> Page:
        if request.since.log != self._storage.log:
            return Page(log=self._storage.log, after=0, upto=0, cells=(), tables=request.tables)
        return self._page(request.since.number, tables=request.tables, limit=min(request.limit, MOST_CELLS))

    def _page(self, after: int, *, tables: tuple[str, ...] = (), limit: int = MOST_CELLS) -> Page:
        found = self._storage.since(after, limit=limit, tables=tables)
        characters = 0
        cells: list[Cell] = []
        for each in found:
            characters += len(each.cell.value)
            if cells and characters > _PAGE_CHARACTERS:
                break
            cells.append(each.cell)
        more = len(cells) < len(found) or len(found) == limit
        upto = found[len(cells) - 1].number if more else max(after, self._storage.last)
        return Page(
            log=self._storage.log, after=after, upto=upto, cells=tuple(cells), tables=tables, more=more
        )

    def _digests(self) -> Digests:
        known = self._storage.digests()
        first = sorted(known, key=lambda table: (table not in self._tables, table))[:MOST_TABLES]
        return Digests(
            log=self._storage.log,
            last=self._storage.last,
            tables={table: digest.as_text(known[table]) for table in first},
        )

    def _tidy(self, now: Instant) -> None:
        self._look_at_clocks(now)
        day = now.wall_ms // DAY_MS
        if day != self._day:
            self._note(forget(self._storage, rules=self._rules, wall_ms=now.wall_ms))
            self._day = day
        if self._clock.last >= horizon(now.wall_ms) and self._clock_is_right(now):
            self._stamp_anew(now)

    def _look_at_clocks(self, now: Instant) -> None:
        """What was refused may be acceptable once another time is believed."""
        epoch_ms = self._believed_ms(now) - int(now.waited_s * 1000)
        if self._epoch_ms is not None and abs(epoch_ms - self._epoch_ms) > _AGREE_MS:
            for member in self._members.values():
                member.compare_anew()
        self._epoch_ms = epoch_ms

    def _believed_ms(self, now: Instant) -> int:
        """The time that others' stamps are judged by: what most clocks show, if ours is behind them. One before `MADE_MS` has
        no say."""
        clocks = self._heard_clocks(now) + ([now.wall_ms] if now.wall_ms >= MADE_MS else [])
        return max(now.wall_ms, median_low(clocks)) if clocks else now.wall_ms

    def _heard_clocks(self, now: Instant) -> list[int]:
        theirs = [self._member(peer).wall_ms(now) for peer in self._live]
        return [wall_ms for wall_ms in theirs if wall_ms is not None]

    def _clock_is_right(self, now: Instant) -> bool:
        """Whether most live members' clocks agree with ours."""
        heard = self._heard_clocks(now)
        agree = sum(abs(wall_ms - now.wall_ms) <= _AGREE_MS for wall_ms in heard)
        return now.wall_ms >= MADE_MS and 2 * agree > len(heard)

    def _stamp_anew(self, now: Instant) -> None:
        """Write again, in their order, cells with stamps from the future: a clock was days ahead when it made them."""
        ahead = horizon(now.wall_ms)
        wrong = sorted(self._storage.stamped_from(ahead), key=lambda cell: cell.stamp)
        after = self._storage.last
        self._clock.rewind(self._storage.newest(ahead))
        stamps = {old: self._clock.tick(now.wall_ms) for old in dict.fromkeys(cell.stamp for cell in wrong)}
        anew = [Cell(cell.table, cell.id, cell.column, cell.value, stamps[cell.stamp]) for cell in wrong]
        replace(self._storage, list(zip(wrong, anew, strict=True)), cursors={})
        if wrong:
            self._push_above(after)
