"""Who a client is, and what a route wants of it. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

PrincipalId = NewType("PrincipalId", str)

ALL_SCOPES = frozenset({"api", "endpoints", "runtime", "admin"})


class Role(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    VIEWER = "viewer"


class PrincipalKind(StrEnum):
    """How somebody was recognised."""

    API_KEY = "api_key"
    SESSION = "session"  # a user that signed in
    THIS_MACHINE = "this_machine"  # a command of the user that runs the node
    RUNTIME = "runtime"  # one that registered by HTTP, by its token
    LOOPBACK = "loopback"  # a program on this machine without a key, where the settings allow it


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What may be used in a minute and in a day. None: no limit."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None


NO_QUOTA = Quota()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A user that signed in, as its token says and the user table confirms."""

    id: str  # the token's `jti`
    user_id: str
    username: str
    role: Role
    expires_at: float  # Unix time, seconds
    csrf: str  # what writes with the cookie have to send along
    generation: float = 0.0  # `sessions_valid_after` of its user when it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A recognised client: an API key, a user, or this machine itself."""

    kind: PrincipalKind
    id: PrincipalId  # of the key or the user
    name: str
    scopes: frozenset[str] = frozenset()
    quota: Quota = NO_QUOTA
    session: Session | None = None

    @property
    def role(self) -> Role | None:
        return None if self.session is None else self.session.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may use a route: keys with one of `scopes`, users with one of `roles`."""

    scopes: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    loopback: bool = False  # also programs on this machine without a key, where the settings allow it
    this_machine: bool = False  # only commands of the user that runs the node
    runtime_token: bool = False  # also runtimes that registered, with the token that they got


_EVERY_ROLE = frozenset(Role)
_ADMINS = frozenset({Role.ADMIN})

INFERENCE = Access(scopes=frozenset({"api"}), roles=_EVERY_ROLE, loopback=True)
LISTING = replace(INFERENCE, runtime_token=True)  # of models
REGISTERING = Access(scopes=frozenset({"runtime"}))  # of runtimes, and their heartbeats
MANAGEMENT = Access(scopes=frozenset({"admin"}), roles=_ADMINS)
MANAGEMENT_OR_ITSELF = replace(MANAGEMENT, runtime_token=True)  # of one runtime; the handler looks which
COMMANDS = Access(this_machine=True)
OWN_SESSION = Access(roles=_EVERY_ROLE)
EVENTS = Access(scopes=frozenset({"admin"}), roles=_EVERY_ROLE)
READ_ENDPOINTS = Access(scopes=frozenset({"admin", "endpoints"}), roles=_EVERY_ROLE)
READ_REGISTRY = Access(scopes=frozenset({"admin", "runtime"}), roles=_ADMINS)
WRITE_ENDPOINTS = Access(scopes=frozenset({"admin", "endpoints"}), roles=_ADMINS)


def may(principal: Principal, access: Access) -> bool:
    """Whether somebody recognised may use a route."""
    if principal.session is not None:
        return principal.session.role in access.roles
    if principal.kind is PrincipalKind.LOOPBACK:
        return access.loopback
    if principal.kind is PrincipalKind.RUNTIME:
        return access.runtime_token
    if access.this_machine:
        return principal.kind is PrincipalKind.THIS_MACHINE
    return bool(principal.scopes & access.scopes)
