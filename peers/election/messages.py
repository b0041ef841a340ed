"""What members say to each other about who is the router: JSON, one type for each message.

Unknown fields are ignored and missing ones have defaults, as members are updated one at a time. A field's meaning never changes;
`VERSION` grows when an older reader would be wrong. Nothing larger than `MOST_BYTES` is read, and every list, text and number
has a bound. Who sent a message is what the connection proved, so no message says it.

A `Beat` goes out all the time. `Elect` asks for consent, which is given by silence and refused by `Deny`. `Takeover` comes from
a router that wants to be succeeded.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from corral.peers.election.errors import MalformedMessage
from corral.peers.ids import NodeId

VERSION: Final = 1
MOST_BYTES: Final = 16 * 1024
MOST_CLAIMS: Final = 6
MOST_ABSORBED: Final = 8
MOST_TERM: Final = 2**53
MOST_AGE_MS: Final = 600_000

ALIVE: Final = "alive"  # denied: the router was heard a moment ago
BETTER: Final = "better"  # denied: the denier stands itself and comes first
BUSY: Final = "busy"  # denied: a better one has the denier's consent, or it can't take over

_Node = Annotated[NodeId, Meta(min_length=1, max_length=64)]
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Small = Annotated[int, Meta(ge=0, le=10_000)]
_Age = Annotated[int, Meta(ge=0, le=MOST_AGE_MS)]


class ClaimRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which claim: two sides of a partition can't make the same one."""

    term: _Number
    router: _Node


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Says that `ref.router` reigns; `seq` grows with each beat, `absorbs` are claims it has swallowed."""

    ref: ClaimRef
    seq: _Number
    strength: _Small = 0  # followers it surely has
    prio: _Small = 0
    pinned: bool = False
    absorbs: Annotated[tuple[ClaimRef, ...], Meta(max_length=MOST_ABSORBED)] = ()


class Sighting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A claim and how old its last `seq` is where it is told."""

    claim: Claim
    age_ms: _Age = 0


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, gc=False):
    version: _Number = VERSION


class Beat(_Message, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The sender lives; what it follows and which claims it knows."""

    boot: _Number = 0  # random, another one after each start
    number: _Number = 0  # grows with each beat of a boot
    prio: _Small = 0
    pinned: bool = False
    eligible: bool = True
    max_term: _Number = 0
    follows: ClaimRef | None = None
    claims: Annotated[tuple[Sighting, ...], Meta(max_length=MOST_CLAIMS)] = ()
    refused: ClaimRef | None = None  # the router's port refuses the sender's connections
    wants: bool = False  # the sender doesn't hear the router itself: tell it
    pace_ms: _Age = 500  # the next one comes by then, if nothing changes
    gave_way: bool = False  # the sender reigned a moment ago, and gave way to another router that it met


class Elect(_Message, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Asks for consent to reign in this term."""

    term: _Number
    prio: _Small = 0
    pinned: bool = False
    refused: ClaimRef | None = None


class Deny(_Message, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Refuses consent for this term, or to take over a claim of it."""

    term: _Number
    why: Annotated[str, Meta(max_length=16)] = BUSY


class Takeover(_Message, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Asks the receiver to reign in the sender's place, absorbing its claim."""

    claim: ClaimRef


Message = Beat | Elect | Deny | Takeover

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    """A message as it goes over the wire."""
    return _encoder.encode(message)


def decode(body: bytes) -> Message:
    """What a member said. Raises MalformedMessage."""
    if len(body) > MOST_BYTES:
        raise MalformedMessage(f"it has {len(body)} bytes, more than {MOST_BYTES}")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedMessage(str(error)) from error
