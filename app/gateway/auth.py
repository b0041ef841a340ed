"""Who asks: credentials from headers, and what they open. Pure, but for the books of keys and sessions."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import NewType, Protocol

from corral.app.gateway.errors import (
    AdminRequired,
    AuthError,
    CsrfTokenMissing,
    ExpiredApiKey,
    InsufficientScope,
    InvalidApiKey,
    InvalidToken,
    MissingCredentials,
    NotThisMachine,
)
from corral.app.gateway.principal import (
    ALL_SCOPES,
    NO_QUOTA,
    Access,
    Principal,
    PrincipalId,
    PrincipalKind,
    Quota,
    Session,
    may,
)
from corral.app.gateway.relayed import Relayed, Vouched

ApiKeyId = NewType("ApiKeyId", str)

SESSION_COOKIE = "corral_session"
CSRF_HEADER = "x-csrf-token"

RUNTIME_TOKEN_HEADER = "x-runtime-token"

_BEARER = "bearer "
_JWT_DOTS = 2
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOOPBACK = Principal(
    kind=PrincipalKind.LOOPBACK, id=PrincipalId("loopback"), name="this machine, without a key"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as the store knows it. Only its SHA-256 is kept."""

    id: ApiKeyId
    digest: bytes
    scopes: frozenset[str]  # of principal.ALL_SCOPES
    expires_at: float | None = None  # Unix time, seconds
    name: str = ""
    quota: Quota = NO_QUOTA
    local_only: bool = False  # the token of this machine's commands


class KeyBook(Protocol):
    """All keys that are not revoked, in memory."""

    def find(self, digest: bytes) -> ApiKey | None:
        """The key with this SHA-256, also an expired one."""


class SessionBook(Protocol):
    """All sessions that are not over."""

    def find(self, token: str) -> Session | None:
        """The session of a token; None if it is forged, expired or revoked, or its user has gone."""


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The runtime that a token belongs to."""

    id: str
    name: str


class CredentialKind(StrEnum):
    """Where a credential came from, which says what it can be."""

    API_KEY = "api_key"
    TOKEN = "token"
    COOKIE = "cookie"  # a token that the browser sent by itself


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows."""

    kind: CredentialKind
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the rules look at in a request. `headers` have lower-case names."""

    method: str
    headers: Mapping[str, str]
    from_this_machine: bool = False
    relayed: Relayed | None = None  # came through another member, which vouches for what only it can tell


def _no_runtimes(_token: str) -> TokenOwner | None:
    return None


def _nobody_listens(_id: ApiKeyId, _now: float) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Recognises clients. `trust_loopback`: programs on this machine need no key where the route allows it."""

    keys: KeyBook
    sessions: SessionBook
    trust_loopback: bool = False
    on_key_used: Callable[[ApiKeyId, float], None] = _nobody_listens
    runtime_of: Callable[[str], TokenOwner | None] = _no_runtimes

    def authenticate(self, asking: Asking, access: Access, *, now: float) -> Principal:
        """Who asks, and may use a route with this `access`. Raises AuthError."""
        principal = self.recognised(asking, access, now=now)
        check_allowed(principal, access)
        return principal

    def recognised(self, asking: Asking, access: Access, *, now: float) -> Principal:
        """Who asks, whatever they may do. Raises AuthError."""
        if asking.relayed is not None and asking.relayed.vouched is Vouched.THIS_MACHINE:
            return _command_of(asking.relayed)
        if access.runtime_token and (runtime := self._runtime(asking)) is not None:
            return runtime
        try:
            return self._shown(asking, now=now)
        except AuthError:
            if access.loopback and self._needs_no_key(asking):
                return _LOOPBACK
            raise

    def vouched(self, asking: Asking) -> Vouched | None:
        """What of a request only this machine can tell: what to say to the router when it is passed on."""
        if not asking.from_this_machine:
            return None
        shown = credential(asking.headers)
        if shown is not None and shown.kind is CredentialKind.API_KEY:
            key = self.keys.find(digest_of(shown.secret))
            if key is not None and key.local_only:
                return Vouched.THIS_MACHINE
        return Vouched.LOOPBACK if self._needs_no_key(asking) else None

    def _runtime(self, asking: Asking) -> Principal | None:
        """The runtime whose token comes in its own header, or in the place of a key."""
        token = asking.headers.get(RUNTIME_TOKEN_HEADER, "").strip()
        if not token:
            shown = credential(asking.headers)
            token = "" if shown is None or shown.kind is not CredentialKind.API_KEY else shown.secret
        owner = self.runtime_of(token) if token else None
        if owner is None:
            return None
        return Principal(kind=PrincipalKind.RUNTIME, id=runtime_principal(owner.id), name=owner.name)

    def _needs_no_key(self, asking: Asking) -> bool:
        if asking.relayed is not None:
            return asking.relayed.vouched is Vouched.LOOPBACK
        return self.trust_loopback and is_local_program(asking)

    def _shown(self, asking: Asking, *, now: float) -> Principal:
        shown = credential(asking.headers)
        if shown is None:
            raise MissingCredentials
        if shown.kind is CredentialKind.API_KEY:
            return self._of_key(shown.secret, asking, now=now)
        session = self.sessions.find(shown.secret)
        if session is None:
            raise InvalidToken
        if shown.kind is CredentialKind.COOKIE and asking.method not in _READS:
            given = asking.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), session.csrf.encode()):
                raise CsrfTokenMissing
        return Principal(
            kind=PrincipalKind.SESSION,
            id=PrincipalId(session.user_id),
            name=session.username,
            session=session,
        )

    def _of_key(self, secret: str, asking: Asking, *, now: float) -> Principal:
        digest = digest_of(secret)
        key = self.keys.find(digest)
        if (
            key is None
            or not hmac.compare_digest(key.digest, digest)
            or (key.local_only and not asking.from_this_machine)
        ):
            raise InvalidApiKey
        if key.expires_at is not None and key.expires_at <= now:
            raise ExpiredApiKey
        if not key.local_only:
            self.on_key_used(key.id, now)
        return Principal(
            kind=PrincipalKind.THIS_MACHINE if key.local_only else PrincipalKind.API_KEY,
            id=PrincipalId(key.id),
            name=key.name,
            scopes=key.scopes,
            quota=key.quota,
        )


def runtime_principal(id: str) -> PrincipalId:
    """What a runtime is called as a client."""
    return PrincipalId(f"runtime:{id}")


def _command_of(relayed: Relayed) -> Principal:
    return Principal(
        kind=PrincipalKind.THIS_MACHINE,
        id=PrincipalId(f"local:{relayed.node}"),
        name=f"this machine (node {relayed.node_name})",
        scopes=ALL_SCOPES,
    )


def check_allowed(principal: Principal, access: Access) -> None:
    """Raises AdminRequired or InsufficientScope."""
    if not may(principal, access):
        if access.this_machine:
            raise NotThisMachine
        raise AdminRequired if principal.session is not None else InsufficientScope(access.scopes)


def digest_of(secret: str) -> bytes:
    """SHA-256 of a key's text."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def credential(headers: Mapping[str, str]) -> Credential | None:
    """What a request shows: X-API-Key wins over Authorization, and that over the cookie."""
    if key := headers.get("x-api-key", "").strip():
        return Credential(CredentialKind.API_KEY, key)
    authorization = headers.get("authorization", "").strip()
    if authorization[: len(_BEARER)].lower() == _BEARER:
        if secret := authorization[len(_BEARER) :].strip():
            is_token = secret.count(".") == _JWT_DOTS
            return Credential(CredentialKind.TOKEN if is_token else CredentialKind.API_KEY, secret)
        return None
    if "cookie" in headers and (token := cookie(headers["cookie"], SESSION_COOKIE)):
        return Credential(CredentialKind.COOKIE, token)
    return None


def shows_cookie(headers: Mapping[str, str]) -> bool:
    """Whether what a request shows is what a browser sends by itself."""
    if "cookie" not in headers:
        return False
    shown = credential(headers)
    return shown is not None and shown.kind is CredentialKind.COOKIE


def cookie(header: str, name: str) -> str | None:
    """One cookie of a Cookie header; None if it isn't there or the header is garbage."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return None if found is None else found.value or None


def is_local_program(asking: Asking) -> bool:
    """Whether a request was made by a program on this machine: not by a web page in its browser, nor through a
    proxy that runs here for others."""
    headers = asking.headers
    by_page = "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    return asking.from_this_machine and not by_page and not came_through_a_proxy(headers)


def came_through_a_proxy(headers: Mapping[str, str]) -> bool:
    """Whether a request says that it was passed on for somebody else."""
    return any(name in headers for name in _FORWARDED)


@lru_cache(maxsize=1024)
def is_from_this_machine(client: str, server: str) -> bool:
    """Whether a connection between these IP addresses stays on this machine: over loopback, or to itself."""
    try:
        ip = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback or client == server
