"""What people chose for machines of the cluster: which should be the router, which never."""

import asyncio
from collections.abc import Collection

from corral.app.cluster.errors import NoSuchNode
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.view import View

CHOICES = ("auto", "prefer", "never")
_TABLE = "settings"
_PREFIX = "router:"  # then the machine


class RouterChoices:
    """Replicated settings; a choice counts before the setting `router` of its machine. `open` it before use."""

    def __init__(self, *, ledger: Ledger, members: Members) -> None:
        self._ledger = ledger
        self._members = members
        self._view: View | None = None
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Read them. Raises LedgerError."""

        def changed(ids: Collection[str]) -> None:
            if any(id.startswith(_PREFIX) for id in ids):
                self._news.set()

        self._view = await self._ledger.view(_TABLE, changed)

    def of(self, node: NodeId) -> str | None:
        """One of CHOICES; None: the machine's own setting counts."""
        row = None if self._view is None else self._view.rows.get(_PREFIX + node)
        value = None if row is None else row.values["value"]
        return value if isinstance(value, str) and value in CHOICES else None

    async def choose(self, node: NodeId, choice: str | None) -> None:
        """None: its own setting counts again. Raises NoSuchNode, LedgerError."""
        if node not in self._members.roster.members:
            raise NoSuchNode
        await self._ledger.write([Edit(_TABLE, _PREFIX + node, {"value": choice})])

    async def changed(self) -> None:
        """Returns when something may have changed since the last call."""
        await self._news.wait()
        self._news.clear()
