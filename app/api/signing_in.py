"""What somebody gets who signs in, however they did: a token, the same as a cookie, and what writes with it need."""

import orjson

from corral.app.api.call import JSON_HEADERS, Call, once
from corral.app.gateway.auth import SESSION_COOKIE
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.people.sessions import LIFETIME_S, Sessions
from corral.app.store.users import User


def signed_in(sessions: Sessions, user: User, call: Call, *, status: int = 200) -> GatewayResponse:
    """Begin a session."""
    token, session = sessions.begin(user)
    document = {
        "token": token,
        "expires_in": LIFETIME_S,
        "csrf_token": session.csrf,
        "user": {"id": user.id, "username": user.username, "role": user.role.value},
    }
    headers = {
        **JSON_HEADERS,
        "cache-control": "no-store",
        "set-cookie": session_cookie(token, LIFETIME_S, call),
    }
    return GatewayResponse(status=status, headers=headers, body=once(orjson.dumps(document)))


def session_cookie(token: str, max_age_s: int, call: Call) -> str:
    """The cookie with a token; with 0 s it ends."""
    parts = [f"{SESSION_COOKIE}={token}", "HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={max_age_s}"]
    if call.secure:
        parts.append("Secure")
    return "; ".join(parts)
