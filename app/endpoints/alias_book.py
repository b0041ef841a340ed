"""Aliases: one name for models that are called differently on different machines and servers. The same everywhere."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from corral.app.cloud.providers import cloud_model
from corral.app.endpoints.errors import AliasNotFound, DuplicateName, InvalidAlias
from corral.app.gateway.model_rules import MAX_NAME_LENGTH
from corral.app.ids import new_id
from corral.app.store.replicated import ReplicatedTable
from corral.app.times import rfc3339
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """`targets` are names of models, the preferred one first where a place has several."""

    id: str
    name: str
    targets: tuple[str, ...]
    created_at: float  # Unix time, seconds

    def document(self) -> Document:
        """As GET /v0/aliases lists it."""
        return {
            "id": self.id,
            "name": self.name,
            "targets": list(self.targets),
            "created_at": rfc3339(self.created_at),
        }


class AliasBook:
    """`load` it before use."""

    def __init__(self, ledger: Ledger, *, now: Callable[[], float] = time.time) -> None:
        """`now` gives Unix time."""
        self._now = now
        self._table = ReplicatedTable(ledger, "aliases", self._changed)
        self._aliases: dict[str, Alias] = {}
        self._by_name: Mapping[str, Alias] = {}

    async def load(self) -> None:
        """Read everything into memory."""
        await self._table.load()

    @property
    def by_name(self) -> Mapping[str, Alias]:
        """Every alias by its name in lower case; another object after each change."""
        return self._by_name

    def documents(self) -> list[Document]:
        """Every alias, by name."""
        return [self._by_name[name].document() for name in sorted(self._by_name)]

    async def create(self, *, name: str, targets: Sequence[str]) -> Document:
        """Raises DuplicateName, InvalidAlias, DiskFull."""
        now = self._now()
        id = new_id(now)
        values = {
            "name": self._free(name, besides=None),
            "targets": checked_targets(targets),
            "created_at": now,
        }
        await self._table.write(id, values)
        return self._get(id).document()

    async def change(self, id: str, *, name: str | None, targets: Sequence[str] | None) -> Document:
        """What isn't named stays. Raises AliasNotFound, DuplicateName, InvalidAlias, DiskFull."""
        self._get(id)
        values: dict[str, object] = {} if name is None else {"name": self._free(name, besides=id)}
        if targets is not None:
            values["targets"] = checked_targets(targets)
        if values:
            await self._table.write(id, values)
        return self._get(id).document()

    async def remove(self, id: str) -> str:
        """Its name. Raises AliasNotFound, DiskFull."""
        name = self._get(id).name
        await self._table.delete(id)
        return name

    def _get(self, id: str) -> Alias:
        alias = self._aliases.get(id)
        if alias is None:
            raise AliasNotFound
        return alias

    def _free(self, name: str, *, besides: str | None) -> str:
        checked = checked_name(name, param="name")
        other = self._by_name.get(checked.lower())
        if other is not None and other.id != besides:
            raise DuplicateName("an alias", checked)
        return checked

    def _changed(self, ids: Collection[str]) -> None:
        for id in ids:
            row = self._table.rows.get(id)
            alias = None if row is None else _alias(row)
            if alias is None:
                self._aliases.pop(id, None)
            else:
                self._aliases[id] = alias
        self._by_name = {alias.name.lower(): alias for alias in self._aliases.values()}


def checked_name(name: str, *, param: str) -> str:
    """A name that requests can use. Raises InvalidAlias."""
    text = name.strip()
    cloud = cloud_model(text)
    if not text or len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise InvalidAlias(f"`{param}` must have 1 to {MAX_NAME_LENGTH} printable characters", param=param)
    if param == "name" and cloud is not None:
        raise InvalidAlias(
            f"names that begin with {cloud.provider.prefix} go to the cloud; choose another one", param=param
        )
    if text.count(":") > 1 and cloud is None:
        raise InvalidAlias(f"{text[:100]!r} has more than one colon, as no model's name has", param=param)
    return text


def checked_targets(targets: Sequence[str]) -> list[str]:
    """Each once, in the given order. Raises InvalidAlias."""
    kept: dict[str, str] = {}
    for target in targets:
        name = checked_name(target, param="targets")
        kept.setdefault(name.lower(), name)
    return list(kept.values())


class _Stored(msgspec.Struct, frozen=True):
    """A row of the table."""

    name: str
    targets: list[str]
    created_at: float


def _alias(row: Row) -> Alias | None:
    try:
        stored = msgspec.convert(row.values, _Stored)
    except msgspec.ValidationError:  # a later version may have written it
        return None
    return Alias(id=row.id, name=stored.name, targets=tuple(stored.targets), created_at=stored.created_at)
