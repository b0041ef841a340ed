"""Merging cells into a storage: who wins, what is refused, and the digests that follow. One transaction for each batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.cell import Cell, CellKey, Rules, flaw, is_short_lived
from corral.peers.replication.clock import HybridClock
from corral.peers.replication.storage import Batch, Cursor, Storage

FROM_THE_FUTURE = (
    "the stamp is more than a day ahead of this machine's clock: the writer's clock is wrong, or this one's"
)

OUTLIVED = "it is older than cells of that table are kept: the writer's clock is wrong, or this one's"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A cell that a member sent and this one doesn't keep."""

    cell: Cell
    reason: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """What came in, by whether it may be kept."""

    kept: tuple[Cell, ...]
    refused: tuple[Refusal, ...]


def sort_out(cells: Iterable[Cell], rules: Rules, wall_ms: int) -> Sorted:
    """Which of a member's cells may be kept. One bad cell doesn't keep the good ones out."""
    kept: list[Cell] = []
    refused: list[Refusal] = []
    for cell in cells:
        reason = flaw(cell) or _untimely(cell, rules, wall_ms)
        if reason is None:
            kept.append(cell)
        else:
            refused.append(Refusal(cell, reason))
    return Sorted(tuple(kept), tuple(refused))


def _untimely(cell: Cell, rules: Rules, wall_ms: int) -> str | None:
    if rules.from_the_future(cell.stamp, wall_ms):
        return FROM_THE_FUTURE
    return OUTLIVED if rules.outlived(cell, wall_ms) else None


def merge(
    storage: Storage,
    cells: Sequence[Cell],
    *,
    rules: Rules,
    clock: HybridClock,
    cursors: Mapping[NodeId, Cursor] | None = None,
) -> tuple[Cell, ...]:
    """Store those acceptable cells that win over what stands there; the cells that changed."""
    winners: dict[CellKey, Cell] = {}
    before: dict[CellKey, Cell | None] = {}
    for cell in cells:
        key = cell.key
        if key not in before:
            before[key] = storage.get(key)
        current = winners.get(key, before[key])
        if current is None or rules.wins(cell, current):
            winners[key] = cell
    replace(storage, [(before[key], cell) for key, cell in winners.items()], cursors=cursors or {})
    for cell in cells:
        clock.witness(cell.stamp)
    return tuple(winners.values())


def forget(storage: Storage, *, rules: Rules, wall_ms: int) -> tuple[Cell, ...]:
    """Drop the cells that outlived their time; which they were."""
    digests = dict(storage.digests())
    outlived = tuple(
        cell
        for table in digests
        if is_short_lived(table)
        for cell in storage.table(table)
        if rules.outlived(cell, wall_ms)
    )
    for cell in outlived:
        digests[cell.table] = digest.without(digests[cell.table], cell)
    if outlived:
        storage.put(Batch(forgotten=[cell.key for cell in outlived], digests=digests))
    return outlived


def replace(
    storage: Storage, changes: Sequence[tuple[Cell | None, Cell]], *, cursors: Mapping[NodeId, Cursor]
) -> None:
    """Store new versions of cells, whoever would win, and the digests that follow."""
    if not changes and all(storage.cursors().get(peer) == at for peer, at in cursors.items()):
        return
    known = storage.digests()
    digests: dict[str, int] = {}
    for old, new in changes:
        table = digests.get(new.table, known.get(new.table, 0))
        digests[new.table] = digest.replaced(table, old=old, new=new)
    storage.put(Batch(cells=[new for _, new in changes], digests=digests, cursors=cursors))
