"""Who asks: credentials from headers, and what they allow. Pure, but for the book of keys."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType, Protocol

from corral.app.gateway.errors import (
    ExpiredApiKey,
    InsufficientScope,
    InvalidApiKey,
    InvalidToken,
    MissingCredentials,
)

ApiKeyId = NewType("ApiKeyId", str)

_BEARER = "bearer "
_JWT_DOTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as the store knows it. Only its SHA-256 is kept."""

    id: ApiKeyId
    digest: bytes
    scopes: frozenset[str]  # of: api, endpoints, runtime, admin
    expires_at: float | None = None  # Unix time, seconds
    name: str = ""
    local_only: bool = False  # works from this machine only


class KeyBook(Protocol):
    """All keys that are not revoked, in memory."""

    def find(self, digest: bytes) -> ApiKey | None:
        """The key with this SHA-256, also an expired one."""


def digest_of(secret: str) -> bytes:
    """SHA-256 of a key's text."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def credential(headers: Mapping[str, str]) -> str | None:
    """The key or token of a request; `headers` have lower-case names. X-API-Key wins over Authorization."""
    if key := headers.get("x-api-key", "").strip():
        return key
    authorization = headers.get("authorization", "").strip()
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip() or None
    return None


def authenticate(
    headers: Mapping[str, str], *, scope: str, keys: KeyBook, now: float, from_this_machine: bool = False
) -> ApiKey:
    """The key of a request that may use `scope`. Raises AuthError."""
    secret = credential(headers)
    if secret is None:
        raise MissingCredentials
    digest = digest_of(secret)
    key = keys.find(digest)
    if (
        key is None
        or not hmac.compare_digest(key.digest, digest)
        or (key.local_only and not from_this_machine)
    ):
        raise InvalidToken if _is_session_token(secret, headers) else InvalidApiKey
    if key.expires_at is not None and key.expires_at <= now:
        raise ExpiredApiKey
    if scope not in key.scopes:
        raise InsufficientScope(scope)
    return key


def is_from_this_machine(client: str, server: str) -> bool:
    """Whether a connection between these IP addresses stays on this machine: over loopback, or to itself."""
    try:
        ip = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback or client == server


def _is_session_token(secret: str, headers: Mapping[str, str]) -> bool:
    """A bearer with three parts is a JWT; nobody hands such tokens out yet, so none is valid."""
    return not headers.get("x-api-key", "").strip() and secret.count(".") == _JWT_DOTS
