"""What can go wrong between a client and whoever answers it.

GatewayError
├── MissingModel           the request names no model
├── CloudKeyMissing        the model is a cloud provider's, and no key for it is set
├── NoCapableEndpoint      the model is known, but nobody can serve it now
├── QueueRefusal
│   ├── QueueFull          too many requests wait for a slot already
│   └── QueueTimeout       waited too long for a slot
├── QuotaExceeded          the API key has used what it may in this minute or day
└── AuthError
    ├── MissingCredentials
    ├── InvalidApiKey
    ├── ExpiredApiKey
    ├── InvalidToken
    ├── CsrfTokenMissing   a write with the dashboard's cookie, without its header
    ├── InsufficientScope
    ├── AdminRequired
    └── NotThisMachine     for commands on the machine of the node only
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import ClassVar


class GatewayError(Exception):
    """Base of every error of this folder. Messages are shown to clients."""

    code: ClassVar[str] = "gateway_error"

    headers: Mapping[str, str] = MappingProxyType({})  # that go with the answer
    retry_after_s: int | None = None

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class MissingModel(GatewayError):
    code = "missing_field"

    def __init__(self) -> None:
        super().__init__("`model` is missing: name one of those that GET /v1/models lists", param="model")


class CloudKeyMissing(GatewayError):
    code = "cloud_key_missing"


class NoCapableEndpoint(GatewayError):
    code = "no_capable_endpoint"


class QueueRefusal(GatewayError):
    """The queue for a free slot is the matter."""

    def __init__(self, message: str, *, waited_s: float) -> None:
        super().__init__(message)
        self.headers = queue_headers(waited_s)


class QueueFull(QueueRefusal):
    code = "queue_full"

    def __init__(self, waiting: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"{waiting} requests wait for a free slot already; try again in {retry_after_s} seconds",
            waited_s=0.0,
        )
        self.retry_after_s = retry_after_s


class QueueTimeout(QueueRefusal):
    code = "queue_timeout"

    def __init__(self, waited_s: float) -> None:
        super().__init__(
            f"no slot became free within {waited_s:g} seconds; try again later, or ask another model",
            waited_s=waited_s,
        )


def queue_headers(waited_s: float) -> dict[str, str]:
    """What answers say about waiting for a slot."""
    return {"x-queue-status": "queued", "x-queue-wait-ms": str(round(waited_s * 1000))}


class QuotaExceeded(GatewayError):
    code = "quota_exceeded"

    def __init__(self, limit: str, *, retry_after_s: int) -> None:
        super().__init__(
            f"this API key has reached its limit of {limit}; it may go on in {retry_after_s} seconds"
        )
        self.retry_after_s = retry_after_s


class AuthError(GatewayError):
    """The credentials are the matter."""

    code = "invalid_credentials"


class MissingCredentials(AuthError):
    code = "missing_credentials"

    def __init__(self) -> None:
        super().__init__("this needs an API key: send `Authorization: Bearer <key>` or `X-API-Key: <key>`")


class InvalidApiKey(AuthError):
    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("this API key is not known here; it may be mistyped or revoked")


class ExpiredApiKey(AuthError):
    code = "expired_api_key"

    def __init__(self) -> None:
        super().__init__("this API key has expired; ask for a new one")


class InvalidToken(AuthError):
    code = "invalid_token"

    def __init__(self) -> None:
        super().__init__("this session token is not valid here; sign in again, or use an API key")


class CsrfTokenMissing(AuthError):
    code = "csrf_token_missing"

    def __init__(self) -> None:
        super().__init__("a write with the session cookie needs the header `X-CSRF-Token`; reload the page")


class InsufficientScope(AuthError):
    code = "insufficient_scope"

    def __init__(self, scopes: Collection[str]) -> None:
        wanted = " or ".join(f"`{scope}`" for scope in sorted(scopes))
        super().__init__(
            f"this API key lacks the scope {wanted}"
            if wanted
            else "this is for signed-in users, not for API keys"
        )


class AdminRequired(AuthError):
    code = "admin_required"

    def __init__(self) -> None:
        super().__init__("this is for administrators; ask one of them")


class NotThisMachine(AuthError):
    code = "not_this_machine"

    def __init__(self) -> None:
        super().__init__("this is for commands on the machine of the node, by the user who runs it")
