import msgspec
import pytest

from corral.peers.cluster.link_messages import (
    MOST_BYTES,
    Beat,
    Hello,
    LinkMessage,
    MalformedLinkMessage,
    Told,
    UnknownKind,
    decode,
    encode,
)


@pytest.mark.parametrize(
    "message",
    [
        Hello(boot="b1", name="desk", program="0.1.0", http_port=32768, addresses=("10.0.0.1:32769",)),
        Hello(known={"NODE": ("10.0.0.2:32769", "[fe80::1%eth0]:32769")}),
        Beat(election=b"claims", replica=b"summary", load=b"load"),
        Beat(),
        Told(topic="models", body=b"\x00"),
    ],
)
def test_messages_travel(message: LinkMessage) -> None:
    assert decode(encode(message)) == message


def test_an_idle_beat_is_small() -> None:
    assert len(encode(Beat(election=b"x" * 60))) < 100


def test_what_a_later_version_adds_is_ignored() -> None:
    later = msgspec.msgpack.encode({"k": "h", "version": 2, "name": "desk", "colour": "green"})
    assert decode(later) == Hello(version=2, name="desk")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"garbage",
        msgspec.msgpack.encode({"k": "h", "http_port": 70_000}),
        msgspec.msgpack.encode({"k": "h", "addresses": ["x"] * 17}),
        msgspec.msgpack.encode({"k": "b", "e": b"x" * 16_385}),
        b"\x81" * 2000,
        b"\x00" * (MOST_BYTES + 1),
    ],
)
def test_what_is_no_message_is_told(body: bytes) -> None:
    with pytest.raises(MalformedLinkMessage) as told:
        decode(body)
    assert not isinstance(told.value, UnknownKind)


@pytest.mark.parametrize("kind", ["unknown", "z"])
def test_a_kind_that_only_a_later_version_knows_is_told_apart(kind: str) -> None:
    with pytest.raises(UnknownKind):
        decode(msgspec.msgpack.encode({"k": kind, "e": 5}))
