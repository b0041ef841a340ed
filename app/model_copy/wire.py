"""What one machine asks of another about copies, as JSON over the peer port. Unknown fields are ignored.

POST /peer/copy          `Ask`: fetch this model; answered with its `CopyLive`
POST /peer/copy/cancel   `Cancel`: stop fetching it, and remove what has come
A refusal has status 409, 404 or 507 and says why as `Refusal`.
"""

from typing import Annotated, NoReturn

import msgspec
from msgspec import Meta

from corral.app.model_copy import errors
from corral.app.peer_json import Malformed, decode, encode
from corral.app.serving.load_report import Count, Name, Word

COPY_PATH = "/peer/copy"
CANCEL_PATH = "/peer/copy/cancel"
CLAIM_HEADER = "x-corral-claim"  # TERM.ROUTER, as with /peer/infer
MAX_BYTES = 16 * 1024
_STATUSES: dict[type[errors.CopyError], int] = {errors.NoSuchCopy: 404, errors.NoRoom: 507}
_BY_CODE: dict[str, type[errors.CopyError]] = {
    kind.code: kind for kind in (errors.CantCopy, errors.NoRoom, errors.CopyFailed)
}

Id = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Fetch a model."""

    model: Name  # as it is listed where it is
    id: Id
    size_bytes: Count = 0
    quantization: Word = ""


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Stop fetching a model. `keep`: what has come of a download stays."""

    id: Id
    keep: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why it wasn't done."""

    code: str = errors.CopyError.code
    message: str = "the machine refused"


def refusal_of(error: errors.CopyError) -> tuple[int, bytes]:
    """Status and body."""
    status = _STATUSES.get(type(error), 409)
    return status, encode(Refusal(code=error.code, message=error.message))


def raise_refusal(status: int, data: bytes, *, machine: str) -> NoReturn:
    """The error that a machine refused with, as one of ours, naming it. Raises CopyError."""
    try:
        refusal = decode(Refusal, data)
    except Malformed:
        refusal = Refusal(
            message="it runs a version of Corral that can't copy models; update it"
            if status in (404, 405)
            else f"it answered with status {status}"
        )
    if refusal.code == errors.NoSuchCopy.code:
        raise errors.NoSuchCopy
    kind = _BY_CODE.get(refusal.code, errors.CantCopy)
    raise kind(f"{machine}: {refusal.message[:1000]}")
