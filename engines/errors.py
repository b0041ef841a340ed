"""What can go wrong while running a model.

    EngineError
    ├── InvalidRequest              the request itself is wrong; `param` names the field
    │   ├── ContextLengthExceeded   the prompt doesn't fit the model's context
    │   ├── UnsupportedSchema       a JSON schema or grammar that can't be enforced
    │   └── ModelLacksCapability    the model can't do what was asked
    ├── ModelNotFound               no such model on this machine
    ├── ModelBroken                 the file can't be loaded, or its worker keeps crashing
    ├── InsufficientMemory          no room, even after unloading every idle model
    ├── QueueFull                   too many requests wait already
    ├── QueueTimeout                waited too long for the model to load or for a place
    ├── WorkerCrashed               the model's process died while it answered
    └── ShuttingDown                this node stops

Messages are shown to users: they say what is wrong and what to do, and never hold a path of this machine.
"""

from typing import ClassVar


class EngineError(Exception):
    """Base of every error of this folder. `code` is stable and travels over the worker's pipe."""

    code: ClassVar[str] = "engine_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidRequest(EngineError):
    code = "invalid_value"


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"


class UnsupportedSchema(InvalidRequest):
    code = "unsupported_schema"


class ModelLacksCapability(InvalidRequest):
    code = "model_lacks_capability"


class ModelNotFound(EngineError):
    code = "model_not_found"


class ModelBroken(EngineError):
    code = "model_broken"


class InsufficientMemory(EngineError):
    code = "insufficient_memory"


class QueueFull(EngineError):
    code = "queue_full"


class QueueTimeout(EngineError):
    code = "queue_timeout"


class WorkerCrashed(EngineError):
    code = "worker_crashed"


class ShuttingDown(EngineError):
    code = "draining"


_BY_CODE: dict[str, type[EngineError]] = {
    kind.code: kind
    for kind in (
        EngineError,
        InvalidRequest,
        ContextLengthExceeded,
        UnsupportedSchema,
        ModelLacksCapability,
        ModelNotFound,
        ModelBroken,
        InsufficientMemory,
        QueueFull,
        QueueTimeout,
        WorkerCrashed,
        ShuttingDown,
    )
}


def error_from_code(code: str, message: str, param: str | None) -> EngineError:
    """The exception that a `Failed` event stands for; an unknown code becomes a plain EngineError."""
    return _BY_CODE.get(code, EngineError)(message, param=param)


def copy_of(error: EngineError) -> EngineError:
    """The same error as a new exception: a raise writes into the exception, so those who share one need a copy each."""
    return error_from_code(error.code, error.message, error.param)
