"""A cell, the unit that is replicated, and which of two versions wins.

The rules look at nothing but the cells, never at a table's definition: machines of different versions merge alike, whatever
they know of the table.
"""

import re
from typing import Final, NamedTuple

import msgspec

from corral.peers.replication.clock import DAY_MS, Stamp, horizon, is_stamp, stamp_ms

DELETED: Final = "_deleted"
ONLY_GROW: Final = frozenset({"revoked_at", "disabled_at", "used_at", "sessions_valid_after", DELETED})
COUNTER_ENDING: Final = "_total"
SHORT_LIVED_BEGINNING: Final = "recent_"
KEPT_DAYS: Final = 40  # cells of short-lived tables

MOST_VALUE_CHARACTERS: Final = 64 * 1024
_MOST_ID_CHARACTERS = 200
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_LARGEST = 2**53  # the largest whole number that every JSON reader keeps


class CellKey(NamedTuple):
    """Where a cell stands."""

    table: str
    id: str
    column: str


class Cell(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One value and when it was written. On the wire an array, so that later versions may append fields."""

    table: str
    id: str
    column: str
    value: str  # JSON
    stamp: Stamp

    @property
    def key(self) -> CellKey:
        """Where it stands."""
        return CellKey(self.table, self.id, self.column)


class Rules:
    """What merging goes by: `wins` is a total order of a cell's versions, so every order of arrival ends in the same state."""

    def wins(self, new: Cell, old: Cell) -> bool:
        """Whether `new` replaces `old`: the larger one in columns that only grow, else the later one."""
        if only_grows(new.column):
            return (size(new.value), new.stamp, new.value) > (size(old.value), old.stamp, old.value)
        return (new.stamp, new.value) > (old.stamp, old.value)

    def from_the_future(self, stamp: Stamp, wall_ms: int) -> bool:
        """Whether a machine with a wrong clock made it, or ours is wrong: more than a day ahead."""
        return stamp >= horizon(wall_ms)

    def outlived(self, cell: Cell, wall_ms: int) -> bool:
        """Whether it is of a short-lived table and its day is too long ago. All machines forget at midnight UTC."""
        return is_short_lived(cell.table) and stamp_ms(cell.stamp) // DAY_MS < wall_ms // DAY_MS - KEPT_DAYS


RULES: Final = Rules()


def only_grows(column: str) -> bool:
    """Whether the column's largest value wins and nothing clears it: revocations, and counters of one writer."""
    return column in ONLY_GROW or column.endswith(COUNTER_ENDING)


def is_short_lived(table: str) -> bool:
    """Whether the table's cells are forgotten after a while, without a tombstone."""
    return table.startswith(SHORT_LIVED_BEGINNING)


def size(value: str) -> float:
    """How far a column that only grows has grown: 0 is not at all. The value must be acceptable there."""
    return float(msgspec.json.decode(value) or 0)


def flaw(cell: Cell) -> str | None:
    """What makes a cell unacceptable on every machine, or None. A stamp from the future is no flaw: it may come true."""
    if not _NAME.fullmatch(cell.table):
        return "the table's name is no lower-case word"
    if not _NAME.fullmatch(cell.column):
        return "the column's name is no lower-case word"
    if not (0 < len(cell.id) <= _MOST_ID_CHARACTERS and cell.id.isprintable()):
        return f"the id isn't 1 to {_MOST_ID_CHARACTERS} printable characters"
    if not is_stamp(cell.stamp):
        return "the stamp isn't one"
    return _flaw_of_value(cell)


def _flaw_of_value(cell: Cell) -> str | None:
    if len(cell.value) > MOST_VALUE_CHARACTERS:
        return f"the value is longer than {MOST_VALUE_CHARACTERS} characters"
    try:
        value = msgspec.json.decode(cell.value)
        cell.value.encode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "the value is no JSON"
    if only_grows(cell.column) and not _can_grow(value):
        return f"{cell.column} only grows, so it must be a number from 0 to {_LARGEST}, true, false or null"
    return None


def _can_grow(value: object) -> bool:
    return value is None or (isinstance(value, bool | int | float) and 0 <= value <= _LARGEST)
