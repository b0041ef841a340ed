"""What the cluster is called: by people, and on the network, where a name may be taken."""

import asyncio
from collections.abc import Callable, Collection

import structlog

from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.view import View

_TABLE = "settings"
_NAME = "cluster_name"
_LABEL = "cluster_label"  # `corral` in `corral.local`; the name, or `name-2` where that is taken
_LOG = structlog.get_logger(__name__)


class Naming:
    """Two replicated settings. `open` it before use, and keep `run` running."""

    def __init__(self, *, ledger: Ledger, founded: str) -> None:
        """`founded` is the name until somebody gives another one."""
        self._ledger = ledger
        self._founded = founded
        self._view: View | None = None
        self._found: asyncio.Queue[str] = asyncio.Queue()

    async def open(self, on_change: Callable[[], None]) -> None:
        """Read them; `on_change` is called when they may have changed."""

        def changed(ids: Collection[str]) -> None:
            if self._view is not None and not {_NAME, _LABEL}.isdisjoint(ids):
                on_change()

        self._view = await self._ledger.view(_TABLE, changed)

    async def run(self) -> None:
        """Write down the labels that were found. Until cancelled."""
        while True:
            label = await self._found.get()
            if label != self._text(_LABEL):
                _LOG.info("the cluster's name on the network", name=f"{label}.local")
                await self._ledger.write([Edit(_TABLE, _LABEL, {"value": label})])

    @property
    def name(self) -> str:
        """For people."""
        return self._text(_NAME) or self._founded

    @property
    def label(self) -> str:
        """On the network."""
        return self._text(_LABEL) or self.name.lower()

    @property
    def settled(self) -> bool:
        """Whether the router found that nobody else has the label."""
        return self._text(_LABEL) is not None

    async def rename(self, name: str) -> None:
        """Another name; the router then finds out what it can be on the network."""
        await self._ledger.write(
            [Edit(_TABLE, _NAME, {"value": name}), Edit(_TABLE, _LABEL, {"value": None})]
        )

    def found(self, label: str) -> None:
        """The router found this label free, or had to take it."""
        self._found.put_nowait(label)

    def _text(self, id: str) -> str | None:
        row = None if self._view is None else self._view.rows.get(id)
        value = None if row is None else row.values["value"]
        return value if isinstance(value, str) else None
