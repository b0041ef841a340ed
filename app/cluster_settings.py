"""Settings of the whole cluster: set on one machine, in force on all. Elsewhere a machine's own settings count."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import structlog

from corral.app.settings import SettingsError
from corral.app.settings_table import TABLE, Setting, Settings
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.ledger import Ledger

CLUSTER_ROWS: Mapping[str, Setting] = MappingProxyType({row.name: row for row in TABLE if row.cluster})
_SOURCE = "cluster"
_LOG = structlog.get_logger(__name__)


class ClusterSettings:
    """What the cluster says, over what this machine's settings say. `load` it before use."""

    def __init__(self, ledger: Ledger, own: Settings) -> None:
        self._table = ReplicatedTable(ledger, "settings", lambda ids: self._changed())
        self._own = own
        self._current = own
        self._listeners: list[Callable[[Settings], None]] = []

    @property
    def current(self) -> Settings:
        """The settings in force now; `sources` says which the cluster set."""
        return self._current

    async def load(self) -> None:
        """Read what is set."""
        await self._table.load()

    def get(self, name: str) -> Any:
        """The value in force of a setting."""
        return getattr(self._current, name)

    async def set(self, name: str, value: object) -> None:
        """Set it for all machines; None: each machine's own counts again. Raises SettingsError, DiskFull."""
        row = CLUSTER_ROWS.get(name)
        if row is None:
            names = ", ".join(sorted(CLUSTER_ROWS))
            raise SettingsError(f"{name} can't be set for the whole cluster; these can: {names}")
        await self._table.write(name, {"value": None if value is None else self._read(row, value)})

    def subscribe(self, listener: Callable[[Settings], None]) -> Callable[[], None]:
        """Call `listener` with the settings in force when they change; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _changed(self) -> None:
        values = self._values()
        sources = {**self._own.sources, **dict.fromkeys(values, _SOURCE)}
        current = replace(self._own, **values, sources=sources)
        if current != self._current:
            self._current = current
            for listener in tuple(self._listeners):
                listener(current)

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, row in CLUSTER_ROWS.items():
            stored = self._table.rows.get(name)
            if stored is None or stored.values["value"] is None:
                continue
            try:
                values[name] = self._read(row, stored.values["value"])
            except SettingsError as error:  # another machine's version may allow more
                _LOG.warning("a setting of the cluster is not used", setting=name, error=str(error))
        return values

    def _read(self, row: Setting, value: object) -> Any:
        try:
            return row.kind.read(value, self._own.data_dir)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"setting {row.name} must be {row.kind.allowed}, not {value!r}") from error
