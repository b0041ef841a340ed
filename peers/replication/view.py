"""A replicated table in memory, always as the file has it: for what is asked at every request."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from corral.peers.replication.projection import Row

OnChange = Callable[[Collection[str]], None]  # gets the ids of rows that came, changed or went


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpdate:
    """New rows of a table by their ids; None: the row is not there any more. `whole`: all others are gone."""

    table: str
    rows: Mapping[str, Row | None]
    whole: bool


class View:
    """One table. To be read in the loop's thread; all of a write's rows change at once."""

    def __init__(self, table: str, on_change: OnChange | None = None) -> None:
        self.table = table
        self._on_change = on_change
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> Mapping[str, Row]:
        """Every row by its id."""
        return MappingProxyType(self._rows)

    def take(self, update: TableUpdate) -> None:
        """Be as the update says, and tell which rows changed."""
        rows: dict[str, Row | None] = dict(update.rows)
        if update.whole:
            rows.update(dict.fromkeys(self._rows.keys() - rows.keys()))
        changed = [id for id, row in rows.items() if self._rows.get(id) != row]
        for id in changed:
            row = rows[id]
            if row is None:
                self._rows.pop(id, None)
            else:
                self._rows[id] = row
        if changed and self._on_change is not None:
            self._on_change(changed)
