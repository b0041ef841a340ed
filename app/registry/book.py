"""The registered models: a table that all machines share, in memory, where requests look models up without waiting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from corral.app.ids import new_id
from corral.app.registry.errors import BadWish
from corral.app.registry.order import BadOrder, Order, checked
from corral.app.registry.repository import model_name
from corral.app.store.replicated import ReplicatedTable
from corral.engines.model_names import default_order
from corral.peers.replication.ledger import Ledger

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A registered model. `created_at` is Unix time in seconds."""

    ids: tuple[
        str, ...
    ]  # rows of the table; several if machines that couldn't reach each other registered it
    order: Order
    created_at: float


class ModelBook:
    """`load` it before use."""

    def __init__(self, ledger: Ledger) -> None:
        self._table = ReplicatedTable(ledger, "models", lambda ids: self._changed())
        self._entries: dict[str, Entry] = {}

    async def load(self) -> None:
        """Read every model into memory."""
        await self._table.load()

    def entries(self) -> Sequence[Entry]:
        """In the order of names."""
        return [self._entries[name] for name in sorted(self._entries)]

    def find(self, name: str) -> Entry | None:
        """What a client's name means: NAME:QUANTISATION, or NAME, as the machines that have models take it."""
        try:
            wanted = model_name(name)
        except BadWish:
            return None
        exact = self._entries.get(wanted)
        return exact or min(self._of(wanted), key=_default_first, default=None)

    def exact(self, order: Order) -> Entry | None:
        """The same model, whatever its files are."""
        return self._entries.get(order.name.lower())

    def listed_name(self, entry: Entry) -> str:
        """Without quantisation, if there is no other one."""
        order = entry.order
        return order.model if len(self._of(order.model)) == 1 else order.name

    async def add(self, order: Order, *, now: float) -> Entry:
        """Raises DiskFull, EditRefused."""
        id = new_id(now)
        values = {"name": order.name.lower(), "source": msgspec.to_builtins(order), "created_at": now}
        await self._table.write(id, values)
        return Entry(ids=(id,), order=order, created_at=now)

    async def remove(self, entry: Entry) -> None:
        """Raises DiskFull, EditRefused."""
        for id in entry.ids:
            await self._table.delete(id)

    def _of(self, model: str) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.order.model == model]

    def _changed(self) -> None:
        self._entries = _merged(self._read())

    def _read(self) -> Iterable[Entry]:
        for row in self._table.in_order():
            try:
                order = checked(msgspec.convert(row.values["source"], Order))
            except (msgspec.ValidationError, BadOrder) as error:  # another machine's version may know more
                _LOG.warning("a registered model can't be used", id=row.id, error=str(error))
                continue
            at = row.values["created_at"]
            yield Entry(ids=(row.id,), order=order, created_at=at if isinstance(at, float | int) else 0.0)


def _merged(entries: Iterable[Entry]) -> dict[str, Entry]:
    """By name; of several the oldest counts."""
    found: dict[str, Entry] = {}
    for each in entries:
        name = each.order.name.lower()
        first = found.get(name)
        found[name] = (
            each
            if first is None
            else Entry(ids=(*first.ids, *each.ids), order=first.order, created_at=first.created_at)
        )
    return found


def _default_first(entry: Entry) -> tuple[bool, tuple[int, int, str]]:
    order = entry.order
    return order.format != "gguf", default_order(order.quantization, order.size_bytes, order.name)
