"""The book of runtimes, on all machines of the cluster. Of a runtime's token only the SHA-256 is kept."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from corral.app.gateway.auth import digest_of
from corral.app.ids import new_id
from corral.app.runtimes.errors import NoSuchRuntime, TooManyRuntimes
from corral.app.runtimes.record import Gpu, Registration, RuntimeId, RuntimeRecord, RuntimeSettings
from corral.app.store.api_keys import random_letters
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.errors import RowDeleted
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row

TOKEN_PREFIX = "nt_"
MOST_RUNTIMES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What became of a registration. `token` is kept nowhere."""

    record: RuntimeRecord
    token: str
    new: bool


class RuntimeBook:
    """`load` it before use."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        on_change: Callable[[Collection[str]], None] = lambda ids: None,
        most: int = MOST_RUNTIMES,
    ) -> None:
        """`on_change` gets the ids of runtimes that came, changed or went, here or on another machine."""
        self._table = ReplicatedTable(ledger, "runtimes", self._changed)
        self._turn = asyncio.Lock()  # a look and its write belong together
        self._records: dict[RuntimeId, RuntimeRecord] = {}
        self._by_digest: dict[bytes, RuntimeId] = {}
        self._on_change = on_change
        self._most = most

    async def load(self) -> None:
        """Read all into memory."""
        await self._table.load()

    def all(self) -> list[RuntimeRecord]:
        """Oldest first."""
        return sorted(self._records.values(), key=lambda each: (each.created_at, each.id))

    def get(self, id: str) -> RuntimeRecord | None:
        return self._records.get(RuntimeId(id))

    def of_token(self, token: str) -> RuntimeRecord | None:
        """Whose token this is; None if it is nobody's now."""
        id = self._by_digest.get(digest_of(token))
        return None if id is None else self._records[id]

    async def register(
        self, registration: Registration, *, now: float, gone: Callable[[RuntimeId], bool]
    ) -> Registered:
        """Note a runtime with a new token: a new one, or one that is known (see `same`). Raises TooManyRuntimes, DiskFull."""
        token = TOKEN_PREFIX + random_letters()
        async with self._turn:
            known = same(registration, self.all(), gone)
            if known is None and len(self._records) >= self._most:
                raise TooManyRuntimes(self._most)
            id = known.id if known is not None else RuntimeId(new_id(now))
            values = _values(registration) | {
                "digest": digest_of(token).hex(),
                "created_at": now if known is None else known.created_at,
                "registered_at": now,
                "disconnected": False,
            }
            await self._table.write(id, values)
        return Registered(record=self._records[id], token=token, new=known is None)

    async def disconnect(self, id: str) -> RuntimeRecord:
        """Until it registers again. Raises NoSuchRuntime, DiskFull."""
        return await self._write(id, {"disconnected": True})

    async def set(self, id: str, changes: dict[str, object]) -> RuntimeRecord:
        """Change some of its settings, by their names in RuntimeSettings. Raises NoSuchRuntime, DiskFull."""
        async with self._turn:
            record = self._known(id)
            return await self._write(id, {"settings": asdict(record.settings) | changes})

    async def remove(self, id: str) -> None:
        """Forget it; its token is worth nothing any more. Raises NoSuchRuntime, DiskFull."""
        self._known(id)
        try:
            await self._table.delete(id)
        except RowDeleted as error:  # another machine was quicker
            raise NoSuchRuntime from error

    async def _write(self, id: str, values: dict[str, object]) -> RuntimeRecord:
        self._known(id)
        try:
            await self._table.write(id, values)
        except RowDeleted as error:
            raise NoSuchRuntime from error
        return self._known(id)

    def _known(self, id: str) -> RuntimeRecord:
        record = self.get(id)
        if record is None:
            raise NoSuchRuntime
        return record

    def _changed(self, ids: Collection[str]) -> None:
        for id in ids:
            row = self._table.rows.get(id)
            if row is None:
                self._records.pop(RuntimeId(id), None)
            else:
                self._records[RuntimeId(id)] = _record(row)
        rows = self._table.rows
        self._by_digest = {_stored(rows[id]).digest: id for id in self._records}
        self._on_change(ids)


def same(
    new: Registration, known: Collection[RuntimeRecord], gone: Callable[[RuntimeId], bool]
) -> RuntimeRecord | None:
    """Which known runtime registers again: whose address and port it has; else, of its machine name and port, one that is
    gone, for machines get new addresses."""
    for record in known:
        old = record.registration
        if (old.address, old.runtime_port, old.only_from) == (new.address, new.runtime_port, new.only_from):
            return record
    name = new.machine_name.lower()
    return next(
        (
            record
            for record in known
            if record.registration.machine_name.lower() == name
            and record.registration.runtime_port == new.runtime_port
            and gone(record.id)
        ),
        None,
    )


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    machine_name: str
    address: str
    version: str
    runtime_port: int
    api_port: int
    gpu_available: bool
    digest: bytes
    created_at: float
    registered_at: float
    only_from: str | None
    disconnected: bool | None
    gpus: Any
    settings: Any


def _stored(row: Row) -> _Stored:
    return msgspec.convert(row.values, _Stored)


def _record(row: Row) -> RuntimeRecord:
    stored = _stored(row)
    return RuntimeRecord(
        id=RuntimeId(row.id),
        registration=Registration(
            machine_name=stored.machine_name,
            address=stored.address,
            runtime_port=stored.runtime_port,
            api_port=stored.api_port,
            version=stored.version,
            gpu_available=stored.gpu_available,
            gpus=_gpus(stored.gpus),
            only_from=stored.only_from,
        ),
        created_at=stored.created_at,
        registered_at=stored.registered_at,
        disconnected=bool(stored.disconnected),
        settings=_settings(stored.settings),
    )


def _values(registration: Registration) -> dict[str, object]:
    values = asdict(registration)
    values["gpus"] = list(values["gpus"])
    return values


def _gpus(value: object) -> tuple[Gpu, ...]:
    try:
        return msgspec.convert(value or [], tuple[Gpu, ...])
    except msgspec.ValidationError:  # another version's
        return ()


def _settings(value: object) -> RuntimeSettings:
    try:
        return msgspec.convert(value or {}, RuntimeSettings)
    except msgspec.ValidationError:  # another version's
        return RuntimeSettings()
