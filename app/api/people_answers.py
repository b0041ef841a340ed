"""Shapes of the answers about people, for the OpenAPI document."""

from corral.app.api.answers import Open


class User(Open):
    """Times are RFC 3339."""

    id: str
    username: str
    role: str
    created_at: str
    last_login_at: str | None


class Users(Open):
    users: list[User]
    total: int


class Deleted(Open):
    deleted: bool


class SessionUser(Open):
    id: str
    username: str
    role: str


class SignedIn(Open):
    """`csrf_token` goes into X-CSRF-Token of writes that are authenticated by the cookie."""

    token: str
    expires_in: int
    csrf_token: str
    user: SessionUser


class OneTimeToken(Open):
    """`token` signs in once; the page takes it from the end of its URL, after `#one-time=`."""

    token: str
    expires_in_s: int


class Me(Open):
    user: SessionUser
    csrf_token: str
    expires_at: str


class SignedOut(Open):
    signed_out: bool


class Invitation(Open):
    """`used_by` is the id of the user that it made."""

    id: str
    code_prefix: str
    created_at: str
    created_by: str | None
    expires_at: str
    used_at: str | None
    used_by: str | None


class NewInvitation(Invitation):
    """`code` is shown in this answer and never again."""

    code: str


class Invitations(Open):
    invitations: list[Invitation]
    total: int
