"""What databases of every earlier version hold of keys and users is in the ledger after the next start, once."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from corral.app.gateway.principal import Quota, Role, Session
from corral.app.people.sessions import Sessions
from corral.app.store.api_keys import ApiKeys
from corral.app.store.carry_over import carry_over
from corral.app.store.invitations import Invitations
from corral.app.store.migrations import prepare, read_migrations
from corral.app.store.revoked_sessions import RevokedSessions
from corral.app.store.users import Users
from tests.app.store.files import Files, opened
from tests.app.store.test_upgrades import NOW, insert, rows_up_to

STEPS = read_migrations()
OLD = 5  # the last version that kept keys and users in the database
KEY, REVOKED = b"\x01" * 32, b"\x03" * 32


def make_old(path: Path, version: int) -> None:
    """A database as that version left it, with everything in it that there can be."""
    prepare(path, STEPS[:version])
    with closing(sqlite3.connect(path)) as connection:
        for table, row in rows_up_to(version):
            insert(connection, table, row)
        key = {"name": "lost", "key_prefix": "sk_lost", "scopes": "api", "created_at": NOW}
        insert(connection, "api_keys", {**key, "id": "k2", "digest": REVOKED, "revoked_at": NOW + 1})
        if version >= 3:
            connection.execute("UPDATE api_keys SET tokens_per_day = 7 WHERE id = 'k1'")
            connection.execute("UPDATE users SET last_login_at = ?", (NOW + 4,))
            connection.execute("INSERT INTO revoked_sessions VALUES ('s0', ?)", (NOW - 1,))
        if version >= 5:
            connection.execute("UPDATE api_keys SET last_used_at = ? WHERE id = 'k1'", (NOW + 5,))
        connection.commit()


class Books:
    """Everything that was carried over."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.keys = ApiKeys(*files)
        self.users = Users(*files)
        self.invitations = Invitations(files.ledger, now=lambda: NOW)
        self.revoked = RevokedSessions(files.ledger)


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Books]:
    async with opened(folder) as files:
        await carry_over(files.database, files.ledger, now=NOW)
        books = Books(files)
        for each in (books.keys, books.users, books.invitations, books.revoked):
            await each.load()
        yield books


async def left(files: Files) -> int:
    tables = ("api_keys", "users", "invitations", "revoked_sessions")
    counts = [await files.database.rows(f"SELECT count(*) FROM {table}") for table in tables]
    return sum(rows[0][0] for rows in counts)


@pytest.mark.parametrize("version", range(1, OLD + 1))
async def test_everything_is_carried_over_from_every_version(tmp_path: Path, version: int) -> None:
    await asyncio.to_thread(make_old, tmp_path / "corral.db", version)
    for _ in range(2):
        async with started(tmp_path) as books:
            found = books.keys.find(KEY)
            assert found is not None and (found.name, found.scopes) == (
                "first key",
                frozenset({"admin", "api"}),
            )
            assert books.keys.find(REVOKED) is None
            first, lost = await books.keys.list()
            assert (first.created_at, first.key_prefix, lost.revoked_at) == (NOW, "sk_abcde", NOW + 1)
            assert await left(books.files) == 0
            if version >= 3:
                assert found.quota == Quota(tokens_per_day=7)
                [user] = books.users.all()
                assert (user.username, user.role, user.password_hash) == ("Ada", Role.ADMIN, "$argon2id$…")
                assert (user.created_at, user.last_login_at, user.sessions_valid_after) == (NOW, NOW + 4, 4.0)
                [invitation] = await books.invitations.list()
                assert (invitation.id, invitation.created_by, invitation.used_at) == ("i1", "Ada", None)
                assert "s1" in books.revoked and "s0" not in books.revoked
            if version >= 5:
                assert first.last_used_at == NOW + 5
    assert (tmp_path / f"corral.db.v{version}.backup").exists()


async def test_sessions_of_before_go_on_and_ended_ones_stay_ended(tmp_path: Path) -> None:
    await asyncio.to_thread(make_old, tmp_path / "corral.db", OLD)
    async with started(tmp_path) as books:
        sessions = Sessions(
            secret=lambda: "s" * 40, users=books.users, revoked=books.revoked, now=lambda: NOW
        )

        def lasts(id: str, generation: int) -> bool:
            session = Session(
                id=id,
                user_id="u1",
                username="Ada",
                role=Role.ADMIN,
                expires_at=NOW + 5,
                csrf=sessions._csrf(id),
                generation=generation,
            )
            return sessions.lasts(session)

        assert lasts("s2", 4)
        assert not lasts("s2", 3)
        assert not lasts("s1", 4)
        await books.users.change("u1", password_hash="new")
        assert not lasts("s2", 4)


async def test_a_start_that_is_cut_off_anywhere_is_completed_by_the_next(tmp_path: Path) -> None:
    await asyncio.to_thread(make_old, tmp_path / "corral.db", OLD)
    async with opened(tmp_path) as files:
        keys = await files.database.rows("SELECT * FROM api_keys")
        assert len(keys) == 2
    with_half = tmp_path / "half"
    with_half.mkdir()
    shutil.copy(tmp_path / "corral.db", with_half / "corral.db")
    async with started(with_half):
        pass
    # The ledger has everything, and the database still has its rows: killed before they were deleted.
    shutil.copy(tmp_path / "corral.db", with_half / "corral.db")
    async with started(with_half) as books:
        assert [each.id for each in await books.keys.list()] == ["k1", "k2"]
        assert len(books.users.all()) == 1
        assert await left(books.files) == 0


async def test_an_old_copy_that_was_put_back_undoes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "corral.db"
    await asyncio.to_thread(make_old, path, OLD)
    async with started(tmp_path) as books:
        await books.users.create(username="Bob", password_hash="x", role=Role.ADMIN, now=NOW)
        await books.users.remove("u1")
        [first, _] = await books.keys.list()
        await books.keys.revoke(first.id, now=NOW + 3)
    shutil.copy(tmp_path / "corral.db.v5.backup", path)
    async with started(tmp_path) as books:
        assert [user.username for user in books.users.all()] == ["Bob"]
        assert books.keys.find(KEY) is None
        assert await left(books.files) == 0


async def test_a_machine_that_joined_a_cluster_does_not_bring_old_keys_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        await files.ledger.reset()
    (tmp_path / "corral.db").unlink()
    await asyncio.to_thread(make_old, tmp_path / "corral.db", OLD)
    async with started(tmp_path) as books:
        assert (books.users.all(), await books.keys.list(), await left(books.files)) == ([], [], 0)


async def test_many_keys(tmp_path: Path) -> None:
    def make() -> None:
        prepare(tmp_path / "corral.db", STEPS[:OLD])
        with closing(sqlite3.connect(tmp_path / "corral.db")) as connection:
            for number in range(300):
                row = {
                    "id": f"k{number}",
                    "name": "n",
                    "key_prefix": "sk_",
                    "scopes": "api",
                    "created_at": NOW,
                }
                insert(connection, "api_keys", {**row, "digest": number.to_bytes(32)})
            connection.commit()

    await asyncio.to_thread(make)
    async with started(tmp_path) as books:
        assert len(await books.keys.list()) == 300
