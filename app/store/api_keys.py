"""API keys: a table, and all valid ones in memory, where requests look them up without waiting."""

import secrets
import sqlite3
import string
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from corral.app.gateway.auth import ApiKey, ApiKeyId, digest_of
from corral.app.gateway.principal import ALL_SCOPES
from corral.app.ids import new_id
from corral.app.store.database import Database

PREFIX = "sk_"
_FIRST_NAME = "first key"
_SHOWN_CHARACTERS = 8
_RANDOM_CHARACTERS = 32
_ALPHABET = string.ascii_letters + string.digits


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

    async def load(self) -> None:
        """Read every valid key into memory."""
        rows = await self._database.rows("SELECT * FROM api_keys WHERE revoked_at IS NULL")
        self._valid = {row["digest"]: _api_key(row) for row in rows}

    def find(self, digest: bytes) -> ApiKey | None:
        """The key with this SHA-256, also an expired one; None if it is unknown or revoked."""
        return self._valid.get(digest)

    async def list(self) -> list[ApiKeyRecord]:
        """Every key, revoked ones too, oldest first."""
        return [_record(row) for row in await self._database.rows("SELECT * FROM api_keys ORDER BY id")]

    async def create(
        self,
        secret: str,
        *,
        name: str,
        now: float,
        scopes: AbstractSet[str] = ALL_SCOPES,
        expires_at: float | None = None,
    ) -> ApiKeyRecord:
        """Keep a new key's SHA-256; `secret` itself is kept nowhere."""
        rows = await self._database.rows(
            "INSERT INTO api_keys (id, name, key_prefix, digest, scopes, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                new_id(now),
                name,
                secret[:_SHOWN_CHARACTERS],
                digest_of(secret),
                " ".join(sorted(scopes)),
                now,
                expires_at,
            ),
        )
        key = _api_key(rows[0])
        self._valid[key.digest] = key
        return _record(rows[0])

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


def _scopes(row: sqlite3.Row) -> frozenset[str]:
    return frozenset(row["scopes"].split())


def _api_key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        digest=row["digest"],
        scopes=_scopes(row),
        expires_at=row["expires_at"],
        name=row["name"],
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
    )
