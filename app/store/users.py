"""Users: a table that all machines share, in memory, where sessions are checked without waiting.

When somebody signed in last is each machine's own, in its database.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import msgspec

from corral.app.gateway.principal import Role
from corral.app.ids import new_id
from corral.app.store.database import Database
from corral.app.store.replicated import ReplicatedTable
from corral.peers.replication.errors import RowDeleted
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.projection import Row

_LATER_S = 0.001  # between two changes in the same moment
_NOTE_LOGIN = "INSERT INTO user_logins (id, last_login_at) VALUES (?, ?)"
_NOTE_LOGIN += " ON CONFLICT DO UPDATE SET last_login_at = excluded.last_login_at"


class DuplicateUser(Exception):
    """There is a user of that name."""


class LastAdmin(Exception):
    """Somebody has to be able to manage this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who can sign in. Times are Unix time in seconds."""

    id: str
    username: str
    password_hash: str
    role: Role
    created_at: float
    last_login_at: float | None
    sessions_valid_after: float  # sessions that began with an earlier value are over; it only grows


class Users:
    """The book of users. `load` it before use."""

    def __init__(self, ledger: Ledger, database: Database, *, now: Callable[[], float] = time.time) -> None:
        """`now` gives Unix time in seconds."""
        self._table = ReplicatedTable(ledger, "users", self._changed)
        self._database = database
        self._now = now
        self._users: dict[str, User] = {}
        self._logins: dict[str, float] = {}
        self._turn = asyncio.Lock()  # a check and its write belong together

    async def load(self) -> None:
        """Read every user into memory."""
        rows = await self._database.rows("SELECT id, last_login_at FROM user_logins")
        self._logins = {row["id"]: row["last_login_at"] for row in rows}
        await self._table.load()

    def get(self, id: str) -> User | None:
        return self._users.get(id)

    def named(self, username: str) -> User | None:
        """In whatever case the name is written."""
        wanted = username.casefold()
        return next((user for user in self._users.values() if user.username.casefold() == wanted), None)

    def all(self) -> list[User]:
        """All of them, oldest first."""
        return list(self._users.values())

    async def create(self, *, username: str, password_hash: str, role: Role, now: float) -> User:
        """Raises DuplicateUser."""
        async with self._turn:
            if self.named(username) is not None:
                raise DuplicateUser
            id = new_id(now)
            await self._table.write(
                id,
                {
                    "username": username,
                    "password_hash": password_hash,
                    "role": role.value,
                    "created_at": now,
                },
            )
            return self._users[id]

    async def change(
        self,
        id: str,
        *,
        username: str | None = None,
        password_hash: str | None = None,
        role: Role | None = None,
    ) -> User | None:
        """None: no such user. A new password or role ends the user's sessions. Raises DuplicateUser, LastAdmin."""
        async with self._turn:
            user = self._users.get(id)
            if user is None:
                return None
            if username is not None and (other := self.named(username)) is not None and other.id != id:
                raise DuplicateUser
            if role is Role.VIEWER and self._is_last_admin(user):
                raise LastAdmin
            values: dict[str, object] = {}  # what isn't asked for stays whatever another machine made it
            if username:
                values["username"] = username
            if password_hash:
                values["password_hash"] = password_hash
            if role is not None and role is not user.role:
                values["role"] = role.value
            if values.keys() - {"username"}:
                values["sessions_valid_after"] = max(self._now(), user.sessions_valid_after + _LATER_S)
            if values:
                await self._written(id, values)
            return self._users.get(id)

    async def rehash(self, user: User, password_hash: str) -> None:
        """The same password, hashed anew; sessions go on. It never stands in for a password that was set meanwhile."""
        row = self._table.rows.get(user.id)
        if row is not None and _stored(row).current_hash == user.password_hash:
            of = _digest(_stored(row).password_hash)
            await self._written(user.id, {"rehash": {"of": of, "hash": password_hash}})

    async def signed_in(self, id: str, *, now: float) -> None:
        """Note when a user came last."""
        await self._database.execute(_NOTE_LOGIN, (id, now))
        self._logins[id] = now
        if (user := self._users.get(id)) is not None:
            self._users[id] = replace(user, last_login_at=now)

    async def remove(self, id: str) -> bool:
        """False: no such user. Raises LastAdmin."""
        async with self._turn:
            user = self._users.get(id)
            if user is None:
                return False
            if self._is_last_admin(user):
                raise LastAdmin
            try:
                await self._table.delete(id)
            except RowDeleted:  # on another machine, meanwhile
                return False
            return True

    def _is_last_admin(self, user: User) -> bool:
        admins = [each for each in self._users.values() if each.role is Role.ADMIN]
        return admins == [user]

    async def _written(self, id: str, values: dict[str, object]) -> None:
        try:
            await self._table.write(id, values)
        except RowDeleted:  # on another machine, meanwhile
            return

    def _changed(self, _: Collection[str]) -> None:
        rows = self._table.in_order()
        self._users = {row.id: _user(row, self._logins.get(row.id)) for row in rows}


class _Rehash(msgspec.Struct, frozen=True):
    """A newer hash of the password whose older hash has this SHA-256."""

    of: str
    hash: str


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    username: str
    password_hash: str
    role: str
    created_at: float
    sessions_valid_after: float | None
    rehash: object

    @property
    def current_hash(self) -> str:
        try:
            rehash = msgspec.convert(self.rehash, _Rehash)
        except msgspec.ValidationError:  # none, or one of a later version
            return self.password_hash
        return rehash.hash if rehash.of == _digest(self.password_hash) else self.password_hash


def _stored(row: Row) -> _Stored:
    return msgspec.convert(row.values, _Stored)


def _digest(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()


def _user(row: Row, last_login_at: float | None) -> User:
    stored = _stored(row)
    return User(
        id=row.id,
        username=stored.username,
        password_hash=stored.current_hash,
        role=Role.ADMIN if stored.role == Role.ADMIN else Role.VIEWER,
        created_at=stored.created_at,
        last_login_at=last_login_at,
        sessions_valid_after=stored.sessions_valid_after or 0.0,
    )
