"""What can go wrong with a server elsewhere. All but Redirected and WrongKey may be over in a moment.

UpstreamError                 the endpoint failed; another may answer
├── UpstreamUnreachable       no connection: refused, unknown name, no route
├── UpstreamTimeout           it was silent for too long
├── UpstreamBroke             the connection ended in the middle, or what came is no HTTP
├── UpstreamAnsweredTooMuch   more than we are ready to hold
├── UpstreamFailed            it answered with a 5xx, or with something that is no answer
│   ├── WrongKey              401 or 403: the key that is kept for it is not valid there
│   └── Redirected            it wants us to ask elsewhere, which would give its key away
└── UpstreamBusy              it answered 429, or 503 with a time to come back
NotOffered                    it doesn't have the model (any more), or not this route for it
"""

from typing import ClassVar

from corral.engines.errors import EngineError, ModelNotFound


class UpstreamError(EngineError):
    code: ClassVar[str] = "endpoint_failed"


class UpstreamUnreachable(UpstreamError):
    pass


class UpstreamTimeout(UpstreamError):
    code = "endpoint_timeout"


class UpstreamBroke(UpstreamError):
    pass


class UpstreamAnsweredTooMuch(UpstreamError):
    pass


class UpstreamFailed(UpstreamError):
    pass


class WrongKey(UpstreamFailed):
    pass


class Redirected(UpstreamFailed):
    pass


class UpstreamBusy(UpstreamError):
    code = "endpoint_busy"

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotOffered(ModelNotFound):
    pass
