"""Sessions of users: signed tokens (JWT, HS256, RFC 7519) that end with their time, at logout, or with their user.

A token carries its user's `sessions_valid_after` of when it began, and is good until that has grown. So it counts on no two
machines' clocks whether a session began before or after a password was changed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, Protocol

import jwt
from jwt.types import Options

from corral.app.gateway.principal import Session
from corral.app.store.users import User

LIFETIME_S = 86_400
_ALGORITHM = "HS256"
_CLAIMS = ["sub", "jti", "iat", "exp", "gen"]


class Users(Protocol):
    """What this needs of `store.users.Users`."""

    def get(self, id: str) -> User | None: ...


class Revoked(Protocol):
    """What this needs of `store.revoked_sessions.RevokedSessions`."""

    def __contains__(self, id: str) -> bool: ...


class Sessions:
    """The SessionBook: makes tokens and recognises them."""

    def __init__(
        self, *, secret: Callable[[], str], users: Users, revoked: Revoked, now: Callable[[], float]
    ) -> None:
        """`secret` gives what signs them now; `now` Unix time in seconds."""
        self._secret = secret
        self._users = users
        self._revoked = revoked
        self._now = now

    def begin(self, user: User) -> tuple[str, Session]:
        """A token for a user, and what it stands for."""
        issued_at = int(self._now())
        claims = {
            "sub": user.id,
            "jti": secrets.token_urlsafe(16),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_S,
            "gen": user.sessions_valid_after,
        }
        return jwt.encode(claims, self._secret(), algorithm=_ALGORITHM), self._session(claims, user)

    def find(self, token: str) -> Session | None:
        """The session of a token; None if it is forged, over, or its user has gone or changed."""
        try:
            # Times are compared with our own clock below.
            options: Options = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self._secret(), algorithms=[_ALGORITHM], options=options)
        except (jwt.InvalidTokenError, UnicodeError):
            return None
        user = self._users.get(str(claims["sub"]))
        if user is None or type(claims["exp"]) is not int or type(claims["gen"]) not in (int, float):
            return None
        session = self._session(claims, user)
        return session if self.lasts(session) else None

    def lasts(self, session: Session) -> bool:
        """Whether a session that was recognised earlier would still be."""
        user = self._users.get(session.user_id)
        return (
            user is not None
            and session.generation >= user.sessions_valid_after
            and session.expires_at > self._now()
            and session.id not in self._revoked
            and session.csrf == self._csrf(session.id)  # else the secret is another one since
        )

    def _session(self, claims: dict[str, Any], user: User) -> Session:
        id = str(claims["jti"])
        return Session(
            id=id,
            user_id=user.id,
            username=user.username,
            role=user.role,
            expires_at=float(claims["exp"]),
            csrf=self._csrf(id),
            generation=float(claims["gen"]),
        )

    def _csrf(self, id: str) -> str:
        return hmac.new(self._secret().encode(), f"csrf {id}".encode(), hashlib.sha256).hexdigest()
