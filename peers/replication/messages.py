"""What members say to each other about replicated state: JSON, one type for each message.

Unknown fields are ignored and missing ones have defaults, as members are updated one at a time. A field's meaning never changes;
`VERSION` grows when an older reader would be wrong. Nothing larger than `MOST_BYTES` is read.

A `Summary` travels with heartbeats. `Pull`, `Push` and `Compare` are asked and answered by `Page`, `Stored` and `Digests`.
"""

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from corral.peers.replication.cell import Cell
from corral.peers.replication.errors import MalformedMessage
from corral.peers.replication.storage import Cursor

VERSION: Final = 1
MOST_BYTES: Final = 16 * 1024 * 1024
MOST_CELLS: Final = 5000
MOST_TABLES: Final = 1000

_T = TypeVar("_T")
_Log = Annotated[str, Meta(min_length=1, max_length=64)]
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Table = Annotated[str, Meta(max_length=64)]
_Tables = Annotated[tuple[_Table, ...], Meta(max_length=MOST_TABLES)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    version: int = VERSION


class Summary(_Message, frozen=True, kw_only=True):
    """Where the sender's log ends and the digest of everything there."""

    log: _Log
    last: _Number
    digest: _Digest
    wall_ms: _Number  # the sender's clock, to find out whose is wrong


class Pull(_Message, frozen=True, kw_only=True):
    """Asks for the cells after a cursor: of all tables, or of some."""

    since: Cursor
    tables: _Tables = ()
    limit: Annotated[int, Meta(ge=1)] = MOST_CELLS


class Page(_Message, frozen=True, kw_only=True):
    """The cells of a log (of all tables, or of some) above `after` and up to `upto`; `more` if that isn't its end."""

    log: _Log
    after: _Number
    upto: _Number
    cells: Annotated[tuple[Cell, ...], Meta(max_length=MOST_CELLS)]
    tables: _Tables = ()
    more: bool = False


class Push(_Message, frozen=True, kw_only=True):
    """Hands over what was just written."""

    page: Page


class Stored(_Message, frozen=True, kw_only=True):
    """The answer to a push: all of it but `refused` cells is on disk."""

    log: _Log
    after: _Number
    upto: _Number
    refused: _Number = 0


class Compare(_Message, frozen=True, kw_only=True):
    """Asks for the digest of each table."""


class Digests(_Message, frozen=True, kw_only=True):
    """The digest of each table, when the log ended at `last`."""

    log: _Log
    last: _Number
    tables: Annotated[dict[_Table, _Digest], Meta(max_length=MOST_TABLES)]


Request = Pull | Push | Compare
Answer = Page | Stored | Digests

_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_summaries = msgspec.json.Decoder(Summary)


def encode(message: Summary | Request | Answer) -> bytes:
    """A message as it goes over the wire."""
    return _encoder.encode(message)


def decode_request(body: bytes) -> Request:
    """What a member asks. Raises MalformedMessage."""
    return _decoded(_requests, body)


def decode_answer(body: bytes) -> Answer:
    """What a member answered. Raises MalformedMessage."""
    return _decoded(_answers, body)


def decode_summary(body: bytes) -> Summary:
    """What a heartbeat says. Raises MalformedMessage."""
    return _decoded(_summaries, body)


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    if len(body) > MOST_BYTES:
        raise MalformedMessage(f"it has {len(body)} bytes, more than {MOST_BYTES}")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedMessage(str(error)) from error
