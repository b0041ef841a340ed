"""What can be wrong with an HTTP request before anybody looks at what it asks for.

ApiError
├── BadRequest              also: InvalidJson, a body that isn't a JSON object, an unknown field
├── BodyTooLarge, BodyTimeout, UnsupportedMediaType
├── RouteNotFound, MethodNotAllowed
├── ApiKeyNotFound, RequestNotFound, UserNotFound, InvitationNotFound, RuntimeNotFound,
│   SettingNotFound, ProviderNotFound
├── SettingsFileUnusable    config.toml can't be read or written
├── DuplicateName, LastAdminStays, WrongPassword, InvalidInvitation, TooManyLogins,
│   InvalidOneTimeToken
├── NoCounterpart           Ollama can do it, Corral does it in another way
├── HostNotAllowed          a name that isn't ours: DNS rebinding
├── EventsBusy              too many watch already
├── NoRouter, RouterLost    no router can be reached, or it was lost while it had the request
├── RelayLoop               members pass a request on to each other
└── NotReady                this node is starting or stopping
"""

import math
from collections.abc import Collection
from typing import ClassVar

_MIB = 1024 * 1024


class ApiError(Exception):
    """Base of every error of this folder. Messages are shown to clients."""

    code: ClassVar[str] = "api_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class BadRequest(ApiError):
    code = "invalid_value"


class InvalidJson(BadRequest):
    code = "invalid_json"


class BodyTooLarge(ApiError):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request's body is larger than the {limit_bytes // _MIB} MiB allowed here")


class BodyTimeout(ApiError):
    code = "body_timeout"

    def __init__(self) -> None:
        super().__init__("the request's body took too long to arrive")


class UnsupportedMediaType(ApiError):
    code = "unsupported_media_type"

    def __init__(self, given: str, *, wanted: str = "application/json") -> None:
        super().__init__(f"send `Content-Type: {wanted}`, not {given[:100]!r}")


class RouteNotFound(ApiError):
    code = "not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at {path[:200]!r}; GET /openapi.json lists what there is")


class ApiKeyNotFound(ApiError):
    code = "api_key_not_found"

    def __init__(self) -> None:
        super().__init__("there is no valid API key with this id; GET /v0/api-keys lists the keys")


class RequestNotFound(ApiError):
    code = "request_not_found"

    def __init__(self) -> None:
        super().__init__("the history has no request with this id; it may have been removed by retention")


class UserNotFound(ApiError):
    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("there is no user with this id; GET /v0/users lists the users")


class InvitationNotFound(ApiError):
    code = "invitation_not_found"

    def __init__(self) -> None:
        super().__init__("there is no invitation with this id; GET /v0/invitations lists them")


class DuplicateName(ApiError):
    code = "duplicate_name"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a user {name[:64]!r} already; choose another name", param="username")


class LastAdminStays(ApiError):
    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("this is the last administrator; make another user an administrator first")


class WrongPassword(ApiError):
    code = "invalid_credentials"

    def __init__(self, *, param: str | None = None) -> None:
        super().__init__("the username or the password is wrong", param=param)


class InvalidInvitation(ApiError):
    code = "invalid_invitation"

    def __init__(self) -> None:
        super().__init__(
            "this invitation is not valid: mistyped, used or expired; ask for a new one", param="code"
        )


class InvalidOneTimeToken(ApiError):
    code = "invalid_one_time_token"

    def __init__(self) -> None:
        super().__init__(
            "this link is not valid any more: it works once, for 30 s, on its own machine; sign in with a "
            "password, or open the dashboard from the tray or with `corral open` again"
        )


class TooManyLogins(ApiError):
    code = "too_many_logins"

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(f"too many failed attempts to sign in; try again in {self.retry_after_s} s")


class RuntimeNotFound(ApiError):
    code = "runtime_not_found"

    def __init__(self) -> None:
        super().__init__("there is no machine with this id; GET /v0/dashboard/runtimes lists them")


class SettingNotFound(ApiError):
    code = "setting_not_found"


class SettingsFileUnusable(ApiError):
    """`config.toml` is not one, or can't be written."""

    code = "settings_file_unusable"


class ProviderNotFound(ApiError):
    code = "provider_not_found"

    def __init__(self, name: str, possible: Collection[str]) -> None:
        super().__init__(f"there is no cloud provider {name[:64]!r}; these are: {', '.join(possible)}")


class MethodNotAllowed(ApiError):
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        super().__init__(f"{method[:20]} is not possible here; possible: {', '.join(sorted(allowed))}")
        self.allowed = allowed


class NoCounterpart(ApiError):
    """Something that Ollama can do and that is done in another way here."""

    code = "not_supported"


class HostNotAllowed(ApiError):
    code = "host_not_allowed"

    def __init__(self) -> None:
        super().__init__(
            "this host name is not one of this node's; use its IP address, or add the name to the allowed hosts"
        )


class EventsBusy(ApiError):
    code = "too_many_watchers"

    def __init__(self) -> None:
        super().__init__("too many dashboards and programs follow the events of this node; close some")


class NoRouter(ApiError):
    code = "no_router"

    def __init__(self) -> None:
        super().__init__("no router can be reached at the moment; try again in a second")


class RouterLost(ApiError):
    """The router had the request and gave no answer, or not all of it."""

    code = "router_lost"

    def __init__(self, *, answered: bool = False) -> None:
        super().__init__(
            "the connection to the router was lost while it answered; ask again"
            if answered
            else "the connection to the router was lost, and it is not known whether this was done; look before you "
            "try again"
        )


class RelayLoop(ApiError):
    code = "relay_loop"

    def __init__(self) -> None:
        super().__init__(
            "this request was passed on twice: the members disagree about who is the router; try again in a moment"
        )


class NotReady(ApiError):
    code = "loading"

    def __init__(self) -> None:
        super().__init__("this node is starting; try again in a moment")


class Draining(ApiError):
    """This node is stopping."""

    code = "draining"

    def __init__(self) -> None:
        super().__init__("this node is stopping and takes no new requests; ask another, or try again later")
