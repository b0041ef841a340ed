"""What can be wrong with an endpoint's record or an alias, or with the server behind it.

EndpointError
├── EndpointNotFound, AliasNotFound
├── InvalidBaseUrl      not an address that can be asked
│   └── OwnFrontDoor    it leads back to this cluster
├── DuplicateName       there is an endpoint or an alias of that name
├── DuplicateEndpoint   there is an endpoint with that address
├── InvalidAlias        a name or a target that can't be meant
└── NotSynced           its models could not be listed
    └── NotReached      it doesn't answer at all
"""

from typing import ClassVar


class EndpointError(Exception):
    """Base of this folder's errors. Messages are shown to clients."""

    code: ClassVar[str] = "endpoint_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class EndpointNotFound(EndpointError):
    code = "endpoint_not_found"

    def __init__(self) -> None:
        super().__init__("there is no endpoint with this id; GET /v0/endpoints lists them")


class AliasNotFound(EndpointError):
    code = "alias_not_found"

    def __init__(self) -> None:
        super().__init__("there is no alias with this id; GET /v0/aliases lists them")


class InvalidBaseUrl(EndpointError):
    code = "invalid_value"

    def __init__(self, reason: str) -> None:
        super().__init__(f"`base_url` {reason}; write it like http://192.168.1.5:11434", param="base_url")


class OwnFrontDoor(InvalidBaseUrl):
    def __init__(self) -> None:
        super().__init__("leads back to this cluster, whose machines serve already")


class DuplicateName(EndpointError):
    code = "duplicate_name"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"there is {what} {name[:100]!r} already; choose another name", param="name")


class DuplicateEndpoint(EndpointError):
    code = "duplicate_endpoint"

    def __init__(self, name: str) -> None:
        super().__init__(f"the endpoint {name[:100]!r} has this address already", param="base_url")


class InvalidAlias(EndpointError):
    code = "invalid_value"


class NotSynced(EndpointError):
    code = "endpoint_failed"


class NotReached(NotSynced):
    code = "endpoint_unreachable"
