"""What members say to each other over their links: msgpack, one type for each message.

Each member keeps a link to every other and speaks on its own; what it hears comes on the other's. Unknown fields are ignored,
missing ones have defaults, unknown kinds are skipped, as members are updated one at a time. `VERSION` is the protocol's: a
member two versions away neither votes nor serves.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

VERSION: Final = 1
MOST_BYTES: Final = 1024 * 1024
MOST_ADDRESSES: Final = 16
MOST_MEMBERS: Final = 256
REMOVED: Final = "removed"  # a topic: the receiver is no member any more

_Text = Annotated[str, Meta(max_length=255)]
_Address = Annotated[str, Meta(max_length=300)]  # host:port, [host]:port
_Addresses = Annotated[tuple[_Address, ...], Meta(max_length=MOST_ADDRESSES)]


class MalformedLinkMessage(Exception):
    """A member said something that isn't a message."""


class UnknownKind(MalformedLinkMessage):
    """A kind of message that only a later version knows."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="h"):
    """The first message of a link, and again when something of it changes."""

    version: Annotated[int, Meta(ge=0, le=2**31)] = VERSION
    boot: _Text = ""  # another one after each start
    name: _Text = ""
    program: _Text = ""  # its version
    http_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    addresses: _Addresses = ()  # of its peer port, the best first
    known: Annotated[
        dict[_Text, _Addresses], Meta(max_length=MOST_MEMBERS)
    ] = {}  # of other members, by node id


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="b"):
    """A heartbeat. What didn't change since the last one on this link is left out."""

    election: Annotated[bytes, Meta(max_length=16_384)] = msgspec.field(name="e", default=b"")
    replica: Annotated[bytes, Meta(max_length=4_096)] = msgspec.field(name="r", default=b"")  # a Summary
    load: Annotated[bytes, Meta(max_length=65_536)] = msgspec.field(name="l", default=b"")  # the app's own


class Told(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="t"):
    """Something longer that the app tells its like, under a topic of its own."""

    topic: Annotated[str, Meta(max_length=32)]
    body: bytes = b""


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    kind: Annotated[str, Meta(max_length=32)] = msgspec.field(name="k")


LinkMessage = Hello | Beat | Told
_KINDS: Final = frozenset(str(kind.__struct_config__.tag) for kind in (Hello, Beat, Told))

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[LinkMessage] = msgspec.msgpack.Decoder(LinkMessage)
_kinds = msgspec.msgpack.Decoder(_Kind)


def encode(message: LinkMessage) -> bytes:
    """A message as it goes over the link."""
    return _encoder.encode(message)


def decode(body: bytes) -> LinkMessage:
    """What a member said. Raises MalformedLinkMessage, UnknownKind."""
    if len(body) > MOST_BYTES:
        raise MalformedLinkMessage(f"it has {len(body)} bytes, more than {MOST_BYTES}")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _failure(body, error) from error


def _failure(body: bytes, error: Exception) -> MalformedLinkMessage:
    try:
        kind = _kinds.decode(body).kind
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return MalformedLinkMessage(str(error))
    return MalformedLinkMessage(str(error)) if kind in _KINDS else UnknownKind(kind)
