"""Sessions: only what we signed, only while it lasts, only while its user stays as it is."""

import stat
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from corral.app.gateway.principal import Role
from corral.app.people.sessions import LIFETIME_S, Sessions, kept_secret
from corral.app.store.users import User

SECRET = "s" * 40
NOW = 1_700_000_000.0
ADA = User(
    id="u1",
    username="ada",
    password_hash="x",
    role=Role.ADMIN,
    created_at=NOW,
    last_login_at=None,
    generation=3,
)


class Book:
    """One user, who may change."""

    def __init__(self) -> None:
        self.user: User | None = ADA
        self.now = NOW
        self.revoked: set[str] = set()
        self.sessions = Sessions(secret=SECRET, users=self, revoked=self.revoked, now=lambda: self.now)

    def get(self, id: str) -> User | None:
        return self.user if self.user is not None and id == self.user.id else None


def test_a_session_is_recognised_until_its_time_is_over() -> None:
    book = Book()
    token, session = book.sessions.begin(ADA)
    assert book.sessions.find(token) == session
    assert (session.username, session.role, session.expires_at) == ("ada", Role.ADMIN, NOW + LIFETIME_S)
    assert len(session.csrf) == 64 and session.csrf not in token
    book.now += LIFETIME_S
    assert book.sessions.find(token) is None


def test_a_session_ends_with_logout_and_with_its_user() -> None:
    book = Book()
    token, session = book.sessions.begin(ADA)
    book.revoked.add(session.id)
    assert book.sessions.find(token) is None
    book.revoked.clear()
    for user in (None, replace(ADA, generation=4), replace(ADA, id="u2")):
        book.user = user
        assert book.sessions.find(token) is None


def test_a_renamed_user_is_known_by_the_new_name() -> None:
    book = Book()
    token, _ = book.sessions.begin(ADA)
    book.user = replace(ADA, username="countess")
    found = book.sessions.find(token)
    assert found is not None and found.username == "countess"


CLAIMS = {"sub": "u1", "jti": "j", "iat": int(NOW), "exp": int(NOW) + 60, "gen": 3}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "\udcff.b.c",
        jwt.encode(CLAIMS, "t" * 40, algorithm="HS256"),
        jwt.encode(CLAIMS, SECRET + "x" * 24, algorithm="HS512"),
        jwt.encode(CLAIMS, None, algorithm="none"),
        *(
            jwt.encode({k: v for k, v in CLAIMS.items() if k != name}, SECRET, algorithm="HS256")
            for name in CLAIMS
        ),
        jwt.encode({**CLAIMS, "gen": "3"}, SECRET, algorithm="HS256"),
    ],
)
def test_forged_and_broken_tokens(token: str) -> None:
    assert Book().sessions.find(token) is None


def test_the_claims_of_these_forgeries_would_do() -> None:
    assert Book().sessions.find(jwt.encode(CLAIMS, SECRET, algorithm="HS256")) is not None


def test_the_secret_is_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "session.secret"
    secret = kept_secret(path)
    assert kept_secret(path) == secret and len(secret) >= 48
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("torn")
    assert len(kept_secret(path)) >= 48
