"""Tables that every machine of the cluster has: their rows in memory, and writes that other machines get too."""

from collections.abc import Mapping
from pathlib import Path

from corral.app.store.errors import DiskFull, StoreError
from corral.peers.ids import NodeId
from corral.peers.replication.courier import Send
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import LedgerError, LedgerFull
from corral.peers.replication.ledger import Ledger, open_ledger
from corral.peers.replication.projection import Row
from corral.peers.replication.receipt import Outcome
from corral.peers.replication.view import OnChange, View


class ReplicatedStateUnusable(StoreError):
    """The ledger can't be opened."""


async def open_store(path: Path, node: NodeId, *, send: Send, joined: bool = False) -> Ledger:
    """The ledger of the program; `joined` is as in `open_ledger`. Raises ReplicatedStateUnusable."""
    try:
        return await open_ledger(path, node, send=send, joined=joined)
    except LedgerError as error:
        raise ReplicatedStateUnusable(str(error)) from error


class ReplicatedTable:
    """One table. `load` it before use."""

    def __init__(self, ledger: Ledger, name: str, on_change: OnChange | None = None) -> None:
        """`on_change` gets the ids of rows that came, changed or went, here or on another machine."""
        self._ledger = ledger
        self._name = name
        self._view = View(name, on_change)

    @property
    def rows(self) -> Mapping[str, Row]:
        """Every row by its id."""
        return self._view.rows

    def in_order(self) -> list[Row]:
        """Every row, oldest first; for tables that say when a row was made."""
        return sorted(self.rows.values(), key=_made_at)

    async def load(self) -> None:
        """Read every row into memory, where they are always up to date from then on."""
        await self._ledger.attach(self._view)

    async def write(self, id: str, values: Mapping[str, object]) -> None:
        """Change some columns of a row, or make it; `rows` has it then. Raises DiskFull, EditRefused."""
        await self.write_all(Edit(self._name, id, values))

    async def delete(self, id: str) -> None:
        """Remove a row for good. Raises DiskFull, EditRefused."""
        await self.write_all(Edit.delete(self._name, id))

    async def write_all(self, *edits: Edit) -> Outcome:
        """Write to several rows, all or none. Raises DiskFull, EditRefused."""
        try:
            return await self._ledger.write(edits)
        except LedgerFull as error:
            raise DiskFull from error


def _made_at(row: Row) -> float:
    at = row.values["created_at"]
    return at if isinstance(at, int | float) else 0.0
