"""Sessions of users: signed tokens (JWT, HS256, RFC 7519) that end with their time, at logout, or with their user."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import jwt
from jwt.types import Options

from corral.app.gateway.principal import Session
from corral.app.store.users import User

LIFETIME_S = 86_400
_ALGORITHM = "HS256"
_CLAIMS = ["sub", "jti", "iat", "exp", "gen"]
_SECRET_BYTES = 48


class Users(Protocol):
    """What this needs of `store.users.Users`."""

    def get(self, id: str) -> User | None: ...


class Revoked(Protocol):
    """What this needs of `store.revoked_sessions.RevokedSessions`."""

    def __contains__(self, id: str) -> bool: ...


class Sessions:
    """The SessionBook: makes tokens and recognises them."""

    def __init__(self, *, secret: str, users: Users, revoked: Revoked, now: Callable[[], float]) -> None:
        """`now` gives Unix time in seconds."""
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
            "gen": user.generation,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM), self._session(claims, user)

    def find(self, token: str) -> Session | None:
        """The session of a token; None if it is forged, over, or its user has gone or changed."""
        try:
            # Times are compared with our own clock below.
            options: Options = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=options)
        except (jwt.InvalidTokenError, UnicodeError):
            return None
        user = self._users.get(str(claims["sub"]))
        if user is None or not isinstance(claims["exp"], int):
            return None
        session = self._session(claims, user)
        return session if self.lasts(session) else None

    def lasts(self, session: Session) -> bool:
        """Whether a session that was recognised earlier would still be."""
        user = self._users.get(session.user_id)
        return (
            user is not None
            and user.generation == session.generation
            and session.expires_at > self._now()
            and session.id not in self._revoked
        )

    def _session(self, claims: dict[str, Any], user: User) -> Session:
        id = str(claims["jti"])
        csrf = hmac.new(self._secret.encode(), f"csrf {id}".encode(), hashlib.sha256).hexdigest()
        return Session(
            id=id,
            user_id=user.id,
            username=user.username,
            role=user.role,
            expires_at=float(claims["exp"]),
            csrf=csrf,
            generation=claims["gen"],
        )


def kept_secret(path: Path) -> str:
    """The secret in a file that only its owner can read; made if there is none. Blocks."""
    try:
        if len(found := path.read_text().strip()) >= _SECRET_BYTES:
            return found
    except FileNotFoundError:
        pass
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return secret
