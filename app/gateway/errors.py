"""What can go wrong between a client and whoever answers it.

GatewayError
├── MissingModel           the request names no model
├── CloudKeyMissing        the model is a cloud provider's, and no key for it is set
├── NoCapableEndpoint      the model is known, but nobody can serve it now
└── AuthError
    ├── MissingCredentials
    ├── InvalidApiKey
    ├── ExpiredApiKey
    ├── InvalidToken
    ├── CsrfTokenMissing   a write with the dashboard's cookie, without its header
    ├── InsufficientScope
    └── AdminRequired
"""

from collections.abc import Collection
from typing import ClassVar


class GatewayError(Exception):
    """Base of every error of this folder. Messages are shown to clients."""

    code: ClassVar[str] = "gateway_error"

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
