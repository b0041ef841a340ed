"""What can go wrong with registered models. Messages are shown to clients.

RegistryError
├── BadWish               the client's wish can't be fulfilled as it is; `code` says why
├── NotRegistered         there is no registered model of that name
├── NoSuchFile            the model has no such file
├── NoSuchRange           the file is not as long as that
├── ModelBusy             it is answering now
├── CantRemove            its files can't be removed
├── OriginRefused         the origin is not on the allowlist
├── Loading               the model is on its way to a machine
├── OriginFailed          the origin can't be reached, or answers with an error
│   ├── OriginBusy        it wants fewer requests
│   └── OriginLied        it sent something else than it said
"""


class RegistryError(Exception):
    """Base of every error of this folder."""

    code: str = "registry_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class BadWish(RegistryError):
    """With a code of its own for each reason."""

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.code = code


class NotRegistered(RegistryError):
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"no model {name[:100]!r} is registered; GET /v0/models lists those that are")


class NoSuchFile(RegistryError):
    code = "file_not_found"


class NoSuchRange(RegistryError):
    code = "range_not_satisfiable"


class ModelBusy(RegistryError):
    code = "model_busy"


class CantRemove(RegistryError):
    code = "not_possible_now"


class OriginRefused(RegistryError):
    code = "origin_not_allowed"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"models may not be downloaded from {host[:200]!r}; "
            "the setting origin_allowlist (CORRAL_ORIGIN_ALLOWLIST) says from where they may"
        )


class Loading(RegistryError):
    code = "loading"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, param="model")
        self.retry_after_s = retry_after_s


class OriginFailed(RegistryError):
    """`passing`: another try later may succeed."""

    code = "origin_failed"

    def __init__(self, message: str, *, passing: bool = True) -> None:
        super().__init__(message)
        self.passing = passing


class OriginBusy(OriginFailed):
    code = "origin_busy"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OriginLied(OriginFailed):
    code = "origin_lied"

    def __init__(self, message: str) -> None:
        super().__init__(message, passing=False)
