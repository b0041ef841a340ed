"""What can go wrong with runtimes that register by HTTP. Messages are shown to clients.

RuntimesError
├── NoSuchRuntime
├── NotARuntime        it is a machine of the cluster, which is managed elsewhere
├── GpuRequired        it has no graphics card, and the settings want one
├── TooManyRuntimes
├── UnusableAddress    nobody can be reached there
├── WrongToken         not the token of this runtime
├── Disconnected       an administrator disconnected it
└── LogsUnavailable    its log could not be got
"""

from typing import ClassVar


class RuntimesError(Exception):
    """Base of them."""

    code: ClassVar[str] = "runtimes_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class NoSuchRuntime(RuntimesError):
    code = "runtime_not_found"

    def __init__(self) -> None:
        super().__init__("there is no runtime with this id; GET /v0/runtimes lists them")


class NotARuntime(RuntimesError):
    code = "not_possible_now"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} is a machine of the cluster, not a runtime that registered; see /v0/cluster and "
            "`corral cluster`"
        )


class GpuRequired(RuntimesError):
    code = "gpu_required"

    def __init__(self) -> None:
        super().__init__(
            "this runtime has no graphics card, and only those with one may register here; set `allow_no_gpu` "
            "(CORRAL_ALLOW_NO_GPU=true) to let it in",
            param="gpu_available",
        )


class TooManyRuntimes(RuntimesError):
    code = "too_many_runtimes"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} runtimes are registered, and no more can be; remove some that are gone")


class UnusableAddress(RuntimesError):
    code = "invalid_value"

    def __init__(self, reason: str) -> None:
        super().__init__(f"`ip_address` {reason}", param="ip_address")


class WrongToken(RuntimesError):
    code = "invalid_runtime_token"

    def __init__(self) -> None:
        super().__init__(
            "X-Runtime-Token is missing, or not the token of this runtime: register again with POST /v0/runtimes and "
            "use the token of the answer"
        )


class Disconnected(RuntimesError):
    code = "runtime_disconnected"

    def __init__(self) -> None:
        super().__init__(
            "an administrator disconnected this runtime; it comes back when it registers again with POST /v0/runtimes"
        )


class LogsUnavailable(RuntimesError):
    code = "logs_unavailable"
