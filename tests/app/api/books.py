"""The keys and users that are there in tests."""

from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher

from corral.app.gateway.principal import Role
from corral.app.people.passwords import Passwords
from corral.app.people.people import People, open_people
from corral.app.people.session_secret import SessionSecret
from corral.app.store.api_keys import ApiKeys
from corral.app.store.database import Database
from corral.peers.replication.ledger import Ledger

API_KEY = "sk_" + "a" * 32
OTHER_KEY = "sk_" + "b" * 32
EXPIRED_KEY = "sk_" + "c" * 32
ADMIN_KEY = "sk_" + "d" * 32
ADMIN, VIEWER = "ada", "vi"  # users that are there
PASSWORD = "correct horse"  # of both
NOW = 1_700_000_000.0


async def four_keys(ledger: Ledger, database: Database) -> ApiKeys:
    rows: list[tuple[str, set[str], float | None]] = [
        (API_KEY, {"api"}, None),
        (OTHER_KEY, {"api"}, None),
        (EXPIRED_KEY, {"api"}, NOW - 1),
        (ADMIN_KEY, {"api", "admin"}, None),
    ]
    keys = ApiKeys(ledger, database)
    await keys.load()
    for secret, scopes, expires_at in rows:
        await keys.create(secret, name=secret[3], now=NOW, scopes=scopes, expires_at=expires_at)
    return keys


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # as little work as there can be


async def some_people(ledger: Ledger, database: Database, folder: Path, now: Callable[[], float]) -> People:
    passwords = Passwords(CHEAP)
    secret = SessionSecret(
        ledger, cluster_key=lambda: b"k" * 32, given=None, old_file=folder / "session.secret"
    )
    people = await open_people(ledger, database, secret=secret, passwords=passwords, now=now)
    for name, role in ((ADMIN, Role.ADMIN), (VIEWER, Role.VIEWER)):
        hashed = await passwords.hash(PASSWORD)
        await people.users.create(username=name, password_hash=hashed, role=role, now=NOW)
    return people
