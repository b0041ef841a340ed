"""The book of endpoints: records and the models that they listed last, the same on every machine of the cluster."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from corral.app.endpoints.errors import DuplicateEndpoint, DuplicateName, EndpointNotFound
from corral.app.endpoints.offered import Catalogue, Offered, catalogue, packed, unpacked
from corral.app.endpoints.record import ClusterKey, EndpointRecord, record_of, sealed_key, values_of
from corral.app.ids import new_id
from corral.app.store.replicated import ReplicatedTable
from corral.app.upstream.server import ServerKind
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import RowDeleted
from corral.peers.replication.ledger import Ledger

_RECORDS, _MODELS = "endpoints", "endpoint_models"
_NONE = Catalogue()

OnChange = Callable[[Collection[str]], None]  # gets the ids of records that came, changed or went


class EndpointBook:
    """`load` it before use."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        cluster_key: ClusterKey,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` gives Unix time."""
        self.on_change: OnChange = lambda ids: None
        self._cluster_key = cluster_key
        self._now = now
        self._table = ReplicatedTable(ledger, _RECORDS, self._records_changed)
        self._parts = ReplicatedTable(ledger, _MODELS, self._models_changed)
        self._records: dict[str, EndpointRecord] = {}
        self._writing = asyncio.Lock()  # so that two at the same time can't take one name
        self._catalogues: dict[str, Catalogue] = {}

    async def load(self) -> None:
        """Read everything into memory."""
        await self._parts.load()
        await self._table.load()

    def all(self) -> Sequence[EndpointRecord]:
        """Oldest first."""
        return sorted(self._records.values(), key=lambda record: (record.created_at, record.id))

    def find(self, id: str) -> EndpointRecord | None:
        """None if there is none of that id (any more)."""
        return self._records.get(id)

    def get(self, id: str) -> EndpointRecord:
        """Raises EndpointNotFound."""
        record = self.find(id)
        if record is None:
            raise EndpointNotFound
        return record

    def models(self, id: str) -> Catalogue:
        """What an endpoint listed last."""
        return self._catalogues.get(id, _NONE)

    async def create(self, *, api_key: str | None, values: Mapping[str, object]) -> EndpointRecord:
        """`values` are columns. Raises DuplicateName, DuplicateEndpoint, DiskFull."""
        now = self._now()
        id = new_id(now)
        columns = {
            **values_of(values),
            "created_at": now,
            "sealed_key": sealed_key(api_key, id, self._cluster_key),
        }
        async with self._writing:
            self._check(values, besides=None)
            await self._table.write(id, columns)
        return self.get(id)

    async def change(
        self, id: str, values: Mapping[str, object], *, api_key: str | None = None, new_key: bool = False
    ) -> EndpointRecord:
        """`new_key`: take `api_key`, which may be none. Raises EndpointNotFound, DuplicateName, DuplicateEndpoint, DiskFull."""
        before = self.get(id)
        columns = values_of(values)
        if values.get("base_url", before.base_url) != before.base_url:
            columns |= {"found_kind": None, "found_slots": None, "synced_at": None}  # another server
        if new_key:
            columns["sealed_key"] = sealed_key(api_key, id, self._cluster_key)
        async with self._writing:
            self._check(values, besides=id)
            if columns:
                await self._write(Edit(_RECORDS, id, columns))
        return self.get(id)

    async def remove(self, id: str) -> None:
        """For good, with its models. Raises EndpointNotFound, DiskFull."""
        self.get(id)
        parts = [
            Edit.delete(_MODELS, row.id) for row in self._parts.rows.values() if row.values["endpoint"] == id
        ]
        await self._table.write_all(Edit.delete(_RECORDS, id), *parts)

    async def found(self, id: str, *, kind: ServerKind, slots: int | None, models: Sequence[Offered]) -> None:
        """Keep what was found at an endpoint, if it is anything new. `models`: each name once.

        Raises EndpointNotFound, DiskFull.
        """
        record = self.get(id)
        columns: dict[str, object] = {}
        if kind is not record.found_kind:
            columns["found_kind"] = kind.value
        if slots != record.found_slots:
            columns["found_slots"] = slots
        edits: list[Edit] = []
        if record.synced_at is None or list(models) != list(self.models(id).models):
            columns["synced_at"] = self._now()
            edits = self._part_edits(id, packed(models))
        if columns:
            await self._write(Edit(_RECORDS, id, columns), *edits)

    async def _write(self, *edits: Edit) -> None:
        """Raises EndpointNotFound if it was removed meanwhile."""
        try:
            await self._table.write_all(*edits)
        except RowDeleted as error:
            raise EndpointNotFound from error

    def _part_edits(self, id: str, parts: Sequence[object]) -> list[Edit]:
        """Parts that aren't needed any more become empty: an id is never used again."""
        before = sum(row.values["endpoint"] == id for row in self._parts.rows.values())
        filled = [*parts, *([] for _ in range(before - len(parts)))]
        return [
            Edit(_MODELS, f"{id}.{number}", {"endpoint": id, "part": number, "models": part})
            for number, part in enumerate(filled)
        ]

    def _check(self, values: Mapping[str, object], *, besides: str | None) -> None:
        others = [record for record in self._records.values() if record.id != besides]
        name, url = values.get("name"), values.get("base_url")
        if isinstance(name, str) and any(each.name.casefold() == name.casefold() for each in others):
            raise DuplicateName("an endpoint", name)
        same = next((each for each in others if each.base_url == url), None)
        if same is not None:
            raise DuplicateEndpoint(same.name)

    def _records_changed(self, ids: Collection[str]) -> None:
        for id in ids:
            row = self._table.rows.get(id)
            if row is None:
                self._records.pop(id, None)
            else:
                self._records[id] = record_of(row, self._cluster_key)
        self.on_change(ids)

    def _models_changed(self, ids: Collection[str]) -> None:
        changed = {id.rpartition(".")[0] for id in ids}
        rows = [row for row in self._parts.rows.values() if row.values["endpoint"] in changed]
        rows.sort(key=_part)
        for endpoint in changed:
            parts = [row.values["models"] for row in rows if row.values["endpoint"] == endpoint]
            if parts:
                self._catalogues[endpoint] = catalogue(unpacked(parts))
            else:
                self._catalogues.pop(endpoint, None)
        self.on_change(changed)


def _part(row: object) -> int:
    values = getattr(row, "values", {})
    part = values.get("part")
    return part if isinstance(part, int) else 0
