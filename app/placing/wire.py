"""What the router asks of a machine about its models, as JSON over the peer port. Unknown fields are ignored.

POST /peer/load      `Errand`: load this model; answered with `Begun`
POST /peer/unload    `Errand`: unload it; answered with `Begun`
A refusal has status 409 and says why as `Refusal`; its code is that of an EngineError.
"""

import msgspec

from corral.app.serving.load_report import Name

LOAD_PATH = "/peer/load"
UNLOAD_PATH = "/peer/unload"
CLAIM_HEADER = "x-corral-claim"  # TERM.ROUTER, as with /peer/infer
MOST_BYTES = 16 * 1024


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """Which model."""

    model: Name


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """It is done already, or goes on."""

    done: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why it can't be done."""

    code: str = "engine_error"
    message: str = "the machine refused"
    param: str | None = None
