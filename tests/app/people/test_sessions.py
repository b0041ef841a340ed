"""Sessions: only what we signed, only while it lasts, only while its user stays as it is."""

from dataclasses import replace

import jwt
import pytest

from corral.app.gateway.principal import Role
from corral.app.people.sessions import LIFETIME_S, Sessions
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
    sessions_valid_after=NOW - 9.5,
)


class Book:
    """One user, who may change."""

    def __init__(self) -> None:
        self.user: User | None = ADA
        self.now = NOW
        self.secret = SECRET
        self.revoked: set[str] = set()
        self.sessions = Sessions(
            secret=lambda: self.secret, users=self, revoked=self.revoked, now=lambda: self.now
        )

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
    for user in (None, replace(ADA, sessions_valid_after=NOW), replace(ADA, id="u2")):
        book.user = user
        assert book.sessions.find(token) is None


def test_a_renamed_user_is_known_by_the_new_name() -> None:
    book = Book()
    token, _ = book.sessions.begin(ADA)
    book.user = replace(ADA, username="countess")
    found = book.sessions.find(token)
    assert found is not None and found.username == "countess"


CLAIMS = {"sub": "u1", "jti": "j", "iat": int(NOW), "exp": int(NOW) + 60, "gen": NOW - 9.5}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "\udcff.b.c",
        jwt.encode(CLAIMS, "t" * 40, algorithm="HS256"),
        jwt.encode(CLAIMS, SECRET + "x" * 24, algorithm="HS512"),
        jwt.encode(CLAIMS, "", algorithm="none"),
        *(
            jwt.encode({k: v for k, v in CLAIMS.items() if k != name}, SECRET, algorithm="HS256")
            for name in CLAIMS
        ),
        *(
            jwt.encode({**CLAIMS, "gen": gen}, SECRET, algorithm="HS256")
            for gen in (str(NOW), None, True, [NOW], NOW - 9.6)
        ),
        jwt.encode({**CLAIMS, "exp": str(int(NOW) + 60)}, SECRET, algorithm="HS256"),
    ],
)
def test_forged_and_broken_tokens(token: str) -> None:
    assert Book().sessions.find(token) is None


def test_the_claims_of_these_forgeries_would_do() -> None:
    assert Book().sessions.find(jwt.encode(CLAIMS, SECRET, algorithm="HS256")) is not None


def test_sessions_follow_the_secret() -> None:
    book = Book()
    token, session = book.sessions.begin(ADA)
    assert book.sessions.lasts(session)
    book.secret = "t" * 40
    assert book.sessions.find(token) is None and not book.sessions.lasts(session)
    assert book.sessions.find(book.sessions.begin(ADA)[0]) is not None


@pytest.mark.parametrize("skew_s", [-3600.0, 0.0, 3600.0])
def test_no_clock_says_whether_a_session_is_older_than_the_password(skew_s: float) -> None:
    """A session that began on a machine whose clock is ahead, or behind, ends with the password like any other."""
    book = Book()
    book.now = NOW + skew_s
    token, _ = book.sessions.begin(ADA)
    assert book.sessions.find(token) is not None
    book.user = replace(ADA, sessions_valid_after=NOW)  # changed on a machine whose clock is right
    assert book.sessions.find(token) is None
    new, _ = book.sessions.begin(book.user)
    assert book.sessions.find(new) is not None
    book.user = ADA  # on a machine that doesn't know yet
    assert book.sessions.find(new) is not None
