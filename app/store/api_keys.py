"""API keys: a table that all machines share, in memory, where requests look keys up without waiting.

When a key was last used is each machine's own, in its database.
"""

import secrets
import string
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, fields

import msgspec

from corral.app.gateway.auth import ApiKey, ApiKeyId, digest_of
from corral.app.gateway.principal import ALL_SCOPES, NO_QUOTA, Quota
from corral.app.ids import new_id
from corral.app.store.database import Database, Statement
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.errors import OnlyGrows
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row

PREFIX = "sk_"
_FIRST_NAME = "first key"
_SHOWN_CHARACTERS = 8
_RANDOM_CHARACTERS = 32
_ALPHABET = string.ascii_letters + string.digits
_LIMITS = tuple(each.name for each in fields(Quota))  # columns of the same names
_NOTE_USE = "INSERT INTO api_key_uses (id, last_used_at) VALUES (?, ?)"
_NOTE_USE += " ON CONFLICT DO UPDATE SET last_used_at = excluded.last_used_at"
_COLUMNS = ("name", "scopes", "expires_at", *_LIMITS)  # that may change


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRecord:
    """A key as people see it. Times are Unix time in seconds."""

    id: ApiKeyId
    name: str
    key_prefix: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None = None
    quota: Quota = NO_QUOTA


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChanges:
    """What to change of a key; only what stands in `fields` is looked at."""

    fields: AbstractSet[str]  # of name, scopes, expires_at and the limits of Quota
    name: str = ""
    scopes: AbstractSet[str] = frozenset()
    expires_at: float | None = None
    quota: Quota = NO_QUOTA


def new_secret() -> str:
    """The text of a new key."""
    return PREFIX + random_letters()


def random_letters() -> str:
    """The random part of a key or code: 190 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))


class ApiKeys:
    """The book of keys. `load` it before use."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._table = ReplicatedTable(ledger, "api_keys", self._changed)
        self._database = database
        self._keys: dict[str, ApiKey] = {}  # that are not revoked
        self._valid: dict[bytes, ApiKey] = {}
        self._used: dict[str, float] = {}  # when each was last used on this machine
        self._unwritten: set[str] = set()

    async def load(self) -> None:
        """Read every key into memory."""
        await self._read_uses()
        await self._table.load()

    def find(self, digest: bytes) -> ApiKey | None:
        """The key with this SHA-256, also an expired one; None if it is unknown or revoked."""
        return self._valid.get(digest)

    def used(self, id: ApiKeyId, now: float) -> None:
        """A key opened something."""
        self._used[id] = now
        self._unwritten.add(id)

    async def write_use(self) -> None:
        """Keep when keys were last used. Raises DiskFull; then the next call tries again."""
        ids = self._unwritten
        if not ids:
            return
        self._unwritten = set()
        rows = [(id, self._used[id]) for id in sorted(ids)]
        try:
            await self._database.write([Statement(_NOTE_USE, rows)])
        except BaseException:
            self._unwritten |= ids
            raise

    def is_valid(self, id: str, *, now: float) -> bool:
        """Whether a key that was found earlier would still be accepted."""
        key = self._keys.get(id)
        return key is not None and (key.expires_at is None or key.expires_at > now)

    def count(self) -> int:
        """How many keys are valid, or expired."""
        return len(self._valid)

    async def list(self) -> list[ApiKeyRecord]:
        """Every key, revoked ones too, oldest first."""
        await self._read_uses()
        return [self._record(row) for row in self._table.in_order()]

    async def create(
        self,
        secret: str,
        *,
        name: str,
        now: float,
        scopes: AbstractSet[str] = ALL_SCOPES,
        expires_at: float | None = None,
        quota: Quota = NO_QUOTA,
    ) -> ApiKeyRecord:
        """Keep a new key's SHA-256; `secret` itself is kept nowhere."""
        id = new_id(now)
        await self._table.write(
            id,
            {
                "name": name,
                "key_prefix": secret[:_SHOWN_CHARACTERS],
                "digest": digest_of(secret).hex(),
                "scopes": " ".join(sorted(scopes)),
                "created_at": now,
                "expires_at": expires_at,
                **asdict(quota),
            },
        )
        return self._record(self._table.rows[id])

    async def update(self, id: ApiKeyId, changes: KeyChanges) -> ApiKeyRecord | None:
        """Change a key at once; None if there is no such valid key."""
        if id not in self._keys:
            return None
        await self._table.write(id, _values(changes))
        return self._record(self._table.rows[id]) if id in self._keys else None

    async def create_first(self, *, bootstrap: str | None, now: float) -> str | None:
        """The text of the first key, made if there never was one; else None."""
        if self._table.rows:
            return None
        secret = bootstrap or new_secret()
        await self.create(secret, name=_FIRST_NAME, now=now)
        return secret

    async def revoke(self, id: ApiKeyId, *, now: float) -> bool:
        """End a key at once; False if there is no such valid key."""
        if id not in self._keys:
            return False
        try:
            await self._table.write(id, {"revoked_at": now})
        except OnlyGrows:  # another machine did it meanwhile, by a clock that is ahead of ours
            return False
        return True

    async def _read_uses(self) -> None:
        rows = await self._database.rows("SELECT id, last_used_at FROM api_key_uses")
        written = {row["id"]: row["last_used_at"] for row in rows}
        self._used |= {id: at for id, at in written.items() if id not in self._unwritten}

    def _changed(self, ids: Collection[str]) -> None:
        for id in ids:
            row = self._table.rows.get(id)
            key = None if row is None else _valid_key(row)
            if key is None:
                self._keys.pop(id, None)
            else:
                self._keys[id] = key
        self._valid = {key.digest: key for key in self._keys.values()}

    def _record(self, row: Row) -> ApiKeyRecord:
        stored = _stored(row)
        return ApiKeyRecord(
            id=ApiKeyId(row.id),
            name=stored.name,
            key_prefix=stored.key_prefix,
            scopes=frozenset(stored.scopes.split()),
            created_at=stored.created_at,
            expires_at=stored.expires_at,
            revoked_at=stored.revoked_at,
            last_used_at=self._used.get(row.id),
            quota=stored.quota,
        )


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    name: str
    key_prefix: str
    digest: bytes
    scopes: str  # separated by spaces
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    requests_per_minute: int | None
    requests_per_day: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None

    @property
    def quota(self) -> Quota:
        return Quota(**{limit: getattr(self, limit) for limit in _LIMITS})


def _stored(row: Row) -> _Stored:
    return msgspec.convert(row.values, _Stored)


def _valid_key(row: Row) -> ApiKey | None:
    stored = _stored(row)
    if stored.revoked_at:
        return None
    return ApiKey(
        id=ApiKeyId(row.id),
        digest=stored.digest,
        scopes=frozenset(stored.scopes.split()),
        expires_at=stored.expires_at,
        name=stored.name,
        quota=stored.quota,
    )


def _values(changes: KeyChanges) -> Mapping[str, object]:
    """Columns with their new values."""
    values: dict[str, object] = {
        "name": changes.name,
        "scopes": " ".join(sorted(changes.scopes)),
        "expires_at": changes.expires_at,
        **asdict(changes.quota),
    }
    return {column: values[column] for column in _COLUMNS if column in changes.fields}
