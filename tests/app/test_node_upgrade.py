"""A node on the data folder of an earlier version: keys, users and even their sessions go on."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import jwt
import pytest

from corral.app.store.migrations import prepare, read_migrations
from tests.acceptance.node import API_KEY, Node
from tests.app.store.test_upgrades import insert

BEFORE_THE_LEDGER = 5
SECRET = "a secret of at least forty-eight characters, as they were"


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    """What an earlier version left, with one key that is used and one that was revoked."""
    home = tmp_path / "data"
    home.mkdir()
    (home / "session.secret").write_text(SECRET)
    prepare(home / "corral.db", read_migrations()[:BEFORE_THE_LEDGER])
    now = time.time()
    key = {"key_prefix": API_KEY[:8], "scopes": "admin api", "created_at": now}
    user = {"id": "u1", "username": "Ada", "password_hash": "x", "role": "admin", "created_at": now}
    with closing(sqlite3.connect(home / "corral.db")) as database:
        for id, secret, revoked_at in (("k1", API_KEY, None), ("k2", _revoked(), now)):
            digest = hashlib.sha256(secret.encode()).digest()
            insert(
                database,
                "api_keys",
                {**key, "id": id, "name": id, "digest": digest, "revoked_at": revoked_at},
            )
        insert(database, "users", {**user, "generation": 4})
        insert(database, "revoked_sessions", {"id": "ended", "expires_at": now + 3600})
        database.commit()
    return home


@pytest.fixture
def node(old_home: Path) -> Iterator[Node]:
    models = old_home.parent / "models"
    models.mkdir()
    running = Node(old_home, models=models)
    yield running
    running.stop()


def _revoked() -> str:
    return API_KEY[::-1]


def statuses(node: Node) -> dict[str, int]:
    """What opens something: two keys and three sessions."""
    now = int(time.time())

    def session(id: str, generation: int) -> str:
        claims = {"sub": "u1", "jti": id, "iat": now, "exp": now + 3600, "gen": generation}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    shown = {
        "key": ("/v1/models", API_KEY),
        "revoked key": ("/v1/models", _revoked()),
        "session": ("/v0/auth/me", session("s1", 4)),
        "session of before the password changed": ("/v0/auth/me", session("s2", 3)),
        "ended session": ("/v0/auth/me", session("ended", 4)),
    }
    return {
        what: httpx.get(
            f"{node.url}{path}", headers={"authorization": f"Bearer {secret}"}, timeout=30
        ).status_code
        for what, (path, secret) in shown.items()
    }


def test_everything_goes_on_also_after_a_crash(node: Node) -> None:
    as_before = {
        "key": 200,
        "revoked key": 401,
        "session": 200,
        "session of before the password changed": 401,
        "ended session": 401,
    }
    node.wait_until_ready()
    assert statuses(node) == as_before
    assert "sk_" not in node.output()  # no first key: there is one
    node.kill()
    node.start_again()
    assert statuses(node) == as_before
    assert not (node.home / "session.secret").exists()
    assert (node.home / f"corral.db.v{BEFORE_THE_LEDGER}.backup").exists()
