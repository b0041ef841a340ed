"""API keys: a table, and all valid ones in memory, where requests look them up without waiting."""

import secrets
import sqlite3
import string
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import astuple, dataclass, fields, replace

from corral.app.gateway.auth import ApiKey, ApiKeyId, digest_of
from corral.app.gateway.principal import ALL_SCOPES, NO_QUOTA, Quota
from corral.app.ids import new_id
from corral.app.store.database import Database, Statement, Value

PREFIX = "sk_"
_FIRST_NAME = "first key"
_SHOWN_CHARACTERS = 8
_RANDOM_CHARACTERS = 32
_ALPHABET = string.ascii_letters + string.digits
_LIMITS = tuple(each.name for each in fields(Quota))  # columns of the same names
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

    def __init__(self, database: Database) -> None:
        self._database = database
        self._valid: dict[bytes, ApiKey] = {}
        self._used: dict[ApiKeyId, float] = {}  # when each was last used since the node started
        self._unwritten: set[ApiKeyId] = set()

    async def load(self) -> None:
        """Read every valid key into memory."""
        rows = await self._database.rows("SELECT * FROM api_keys WHERE revoked_at IS NULL")
        self._valid = {row["digest"]: _api_key(row) for row in rows}

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
        rows = [(self._used[id], id) for id in sorted(ids)]
        try:
            await self._database.write([Statement("UPDATE api_keys SET last_used_at = ? WHERE id = ?", rows)])
        except BaseException:
            self._unwritten |= ids
            raise

    def is_valid(self, id: str, *, now: float) -> bool:
        """Whether a key that was found earlier would still be accepted."""
        key = next((each for each in self._valid.values() if each.id == id), None)
        return key is not None and (key.expires_at is None or key.expires_at > now)

    async def list(self) -> list[ApiKeyRecord]:
        """Every key, revoked ones too, oldest first."""
        return [self._record(row) for row in await self._database.rows("SELECT * FROM api_keys ORDER BY id")]

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
        rows = await self._database.rows(
            f"INSERT INTO api_keys (id, name, key_prefix, digest, scopes, created_at, expires_at, {', '.join(_LIMITS)})"
            f" VALUES ({', '.join('?' * (7 + len(_LIMITS)))}) RETURNING *",
            (
                new_id(now),
                name,
                secret[:_SHOWN_CHARACTERS],
                digest_of(secret),
                " ".join(sorted(scopes)),
                now,
                expires_at,
                *astuple(quota),
            ),
        )
        return self._kept(rows[0])

    async def update(self, id: ApiKeyId, changes: KeyChanges) -> ApiKeyRecord | None:
        """Change a key at once; None if there is no such valid key."""
        values = _values(changes)
        changed = ", ".join(f"{column} = ?" for column in values) or "id = id"
        rows = await self._database.rows(
            f"UPDATE api_keys SET {changed} WHERE id = ? AND revoked_at IS NULL RETURNING *",
            (*values.values(), id),
        )
        return self._kept(rows[0]) if rows else None

    async def create_first(self, *, bootstrap: str | None, now: float) -> str | None:
        """The text of the first key, made if there never was one; else None."""
        if await self._database.rows("SELECT 1 FROM api_keys LIMIT 1"):
            return None
        secret = bootstrap or new_secret()
        await self.create(secret, name=_FIRST_NAME, now=now)
        return secret

    async def revoke(self, id: ApiKeyId, *, now: float) -> bool:
        """End a key at once; False if there is no such valid key."""
        changed = await self._database.execute(
            "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, id)
        )
        self._valid = {digest: key for digest, key in self._valid.items() if key.id != id}
        return changed > 0

    def _kept(self, row: sqlite3.Row) -> ApiKeyRecord:
        key = _api_key(row)
        self._valid[key.digest] = key
        return self._record(row)

    def _record(self, row: sqlite3.Row) -> ApiKeyRecord:
        record = _record(row)
        return replace(record, last_used_at=self._used.get(record.id, record.last_used_at))


def _values(changes: KeyChanges) -> Mapping[str, Value]:
    """Columns with their new values."""
    values: dict[str, Value] = {
        "name": changes.name,
        "scopes": " ".join(sorted(changes.scopes)),
        "expires_at": changes.expires_at,
        **dict(zip(_LIMITS, astuple(changes.quota), strict=True)),
    }
    return {column: values[column] for column in _COLUMNS if column in changes.fields}


def _scopes(row: sqlite3.Row) -> frozenset[str]:
    return frozenset(row["scopes"].split())


def _quota(row: sqlite3.Row) -> Quota:
    return Quota(**{limit: row[limit] for limit in _LIMITS})


def _api_key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        digest=row["digest"],
        scopes=_scopes(row),
        expires_at=row["expires_at"],
        name=row["name"],
        quota=_quota(row),
    )


def _record(row: sqlite3.Row) -> ApiKeyRecord:
    return ApiKeyRecord(
        id=row["id"],
        name=row["name"],
        key_prefix=row["key_prefix"],
        scopes=_scopes(row),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        quota=_quota(row),
    )
