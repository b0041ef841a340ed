"""Users: a table, and all of them in memory, where sessions are checked without waiting."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.gateway.principal import Role
from corral.app.ids import new_id
from corral.app.store.database import Database


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
    generation: int  # sessions of an earlier one are over


class Users:
    """The book of users. `load` it before use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users: dict[str, User] = {}
        self._turn = asyncio.Lock()  # a check and its write belong together

    async def load(self) -> None:
        """Read every user into memory."""
        rows = await self._database.rows("SELECT * FROM users ORDER BY id")
        self._users = {row["id"]: _user(row) for row in rows}

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
            return await self._write(
                "INSERT INTO users (id, username, password_hash, role, created_at)"
                " VALUES (?, ?, ?, ?, ?) RETURNING *",
                (new_id(now), username, password_hash, role.value, now),
            )

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
            ends = password_hash is not None or (role is not None and role is not user.role)
            return await self._write(
                "UPDATE users SET username = ?, password_hash = ?, role = ?, generation = generation + ?"
                " WHERE id = ? RETURNING *",
                (
                    username or user.username,
                    password_hash or user.password_hash,
                    (role or user.role).value,
                    int(ends),
                    id,
                ),
            )

    async def rehash(self, user: User, password_hash: str) -> None:
        """The same password, hashed anew; sessions go on."""
        sql = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ? RETURNING *"
        rows = await self._database.rows(sql, (password_hash, user.id, user.password_hash))
        self._keep(rows)

    async def signed_in(self, id: str, *, now: float) -> None:
        """Note when a user came last."""
        self._keep(
            await self._database.rows(
                "UPDATE users SET last_login_at = ? WHERE id = ? RETURNING *", (now, id)
            )
        )

    async def remove(self, id: str) -> bool:
        """False: no such user. Raises LastAdmin."""
        async with self._turn:
            user = self._users.get(id)
            if user is None:
                return False
            if self._is_last_admin(user):
                raise LastAdmin
            await self._database.execute("DELETE FROM users WHERE id = ?", (id,))
            del self._users[id]
            return True

    def _is_last_admin(self, user: User) -> bool:
        admins = [each for each in self._users.values() if each.role is Role.ADMIN]
        return admins == [user]

    async def _write(self, sql: str, values: tuple[str | int | float, ...]) -> User:
        rows = await self._database.rows(sql, values)
        self._keep(rows)
        return _user(rows[0])

    def _keep(self, rows: Sequence[sqlite3.Row]) -> None:
        for row in rows:
            self._users[row["id"]] = _user(row)


def _user(row: sqlite3.Row) -> User:
    return User(
        id=row["id"],
        username=row["username"],
        password_hash=row["password_hash"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        last_login_at=row["last_login_at"],
        generation=row["generation"],
    )
