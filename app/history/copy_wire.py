"""What machines say to each other to copy the history, as msgpack.

*Told* goes over the cluster's links, when something changed: how far the sender's log goes, and whom the router has copy it.
`POST /peer/history` takes an `Ask` and answers a `Page` of what is new, without texts. `POST /peer/history/bodies` takes an
`AskBodies` and answers texts and contents of what the asker doesn't have yet, as many as fit.

Unknown fields are ignored, missing ones have their defaults. Everything is bounded. `tests/app/history/golden` has each version.
"""

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from corral.app.history.redaction import MAX_TEXT

TOPIC: Final = "history"
PAGE_PATH: Final = "/peer/history"
BODIES_PATH: Final = "/peer/history/bodies"
VERSION: Final = 1
MOST_ASK_BYTES: Final = 128 * 1024
MOST_ANSWER_BYTES: Final = 16 * 2**20
MOST_ROWS: Final = 5_000  # of one kind in a page
MOST_BODIES: Final = 500  # asked for at a time
MOST_CHARACTERS: Final = 2_000  # of a text in a row
MOST_DETAILS: Final = 64 * 1024  # characters of an audit entry's
MOST_CONTENT_BYTES: Final = 4 * 2**20  # of one side of a response; longer ones are not copied

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(max_length=64)]
Short = Annotated[str, Meta(max_length=MOST_CHARACTERS)]
Long = Annotated[str, Meta(max_length=MAX_TEXT + 200)]  # cut, and a word about the rest
Content = Annotated[bytes, Meta(max_length=MOST_CONTENT_BYTES)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]  # also Unix times
_Message = TypeVar("_Message")


class BadCopy(ValueError):
    """A machine sent something that makes no sense. Nothing of it was kept."""


class _Struct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Told(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of the sender's log, and what it does with others'."""

    version: Count = VERSION
    log: Word = ""
    number: Count = 0
    holds: bool = True  # it may hold copies
    standby: Word = ""  # of a router: the node that copies it


class RequestRow(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of table `requests`."""

    id: Id
    request_id: Short = ""
    started_at: Seconds
    method: Short = ""
    path: Short = ""
    model: Short | None = None
    endpoint_id: Short | None = None
    endpoint_name: Short | None = None
    node_name: Short | None = None
    who_kind: Short | None = None
    who_id: Short | None = None
    who_name: Short | None = None
    address: Short = ""
    status: Count = 0
    outcome: Word = ""
    error_code: Short | None = None
    streamed: Count = 0
    duration_s: Seconds = 0.0
    queued_s: Seconds = 0.0
    first_token_s: Seconds | None = None
    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    completion_tokens: Count = 0
    request_bytes: Count = 0
    answer_bytes: Count = 0


class UsageRow(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of table `usage`: sums of one log, which only grow."""

    hour: Count
    model: Short = ""
    endpoint_id: Short = ""
    who_kind: Short = ""
    who_id: Short = ""
    who_name: Short = ""
    address: Short = ""
    requests: Count = 0
    failures: Count = 0
    refusals: Count = 0
    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    completion_tokens: Count = 0
    duration_s: Seconds = 0.0
    log: Word


class AuditRow(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of table `audit`."""

    id: Id
    at: Seconds
    who_kind: Short | None = None
    who_id: Short | None = None
    who_name: Short | None = None
    address: Short = ""
    action: Short = ""
    method: Short = ""
    path: Short = ""
    status: Count = 0
    request_id: Short = ""
    details: Annotated[str, Meta(max_length=MOST_DETAILS)] = "{}"


class ResponseRow(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of table `responses`, without its contents."""

    id: Id
    created_at: Seconds
    api_key_id: Short | None = None
    expires_at: Seconds
    deleted: Annotated[int, Meta(ge=0, le=1)] = 0  # by a client: copies go too


class Ask(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came after this position?"""

    version: Count = VERSION
    log: Word = ""
    number: Count = 0


class Page(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came, oldest first, up to a position; whether there is more after it."""

    version: Count = VERSION
    log: Word = ""
    number: Count = 0
    more: bool = False
    requests: Annotated[tuple[RequestRow, ...], Meta(max_length=MOST_ROWS)] = ()
    usage: Annotated[tuple[UsageRow, ...], Meta(max_length=MOST_ROWS)] = ()
    audit: Annotated[tuple[AuditRow, ...], Meta(max_length=MOST_ROWS)] = ()
    responses: Annotated[tuple[ResponseRow, ...], Meta(max_length=MOST_ROWS)] = ()


class AskBodies(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What do these say?"""

    version: Count = VERSION
    requests: Annotated[tuple[Id, ...], Meta(max_length=MOST_BODIES)] = ()
    responses: Annotated[tuple[Id, ...], Meta(max_length=MOST_BODIES)] = ()


class Text(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said in a request, as the history keeps it."""

    id: Id
    request_body: Long = ""
    answer_body: Long = ""
    searched: Long = ""


class ResponseContent(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stored response says: JSON."""

    id: Id
    document: Content
    input_items: Content


class Bodies(_Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of the first `done` that were asked for, requests before responses; those without any are left out."""

    version: Count = VERSION
    texts: Annotated[tuple[Text, ...], Meta(max_length=MOST_BODIES)] = ()
    contents: Annotated[tuple[ResponseContent, ...], Meta(max_length=MOST_BODIES)] = ()
    done: Count = 0


_ENCODER = msgspec.msgpack.Encoder()


def encode(message: Told | Ask | Page | AskBodies | Bodies) -> bytes:
    """The caller keeps to the bounds."""
    return _ENCODER.encode(message)


def decode(data: bytes, kind: type[_Message]) -> _Message:
    """Raises BadCopy."""
    if len(data) > MOST_ANSWER_BYTES:
        raise BadCopy(f"it has {len(data)} bytes, more than {MOST_ANSWER_BYTES}")
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadCopy(str(error)) from error
