"""Reading TXT records that anyone may have written."""

import pytest

from corral.peers.discovery.announcement import (
    Announcement,
    BadAnnouncement,
    cluster_hash,
    decode,
    encode,
    instance_name,
)
from corral.peers.ids import ClusterId, NodeId

NODE = NodeId("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "A" * 20)
ANNOUNCEMENT = Announcement(
    version=3,
    node=NODE,
    boot="0123456789abcdef",
    cluster=cluster_hash(ClusterId("0" * 32)),
    peer_port=32769,
    front_port=32768,
)


def txt(**changed: str | bytes | None) -> dict[bytes, bytes | None]:
    record: dict[bytes, bytes | None] = {
        key.encode(): text.encode() for key, text in encode(ANNOUNCEMENT).items()
    }
    for key, value in changed.items():
        record[key.encode()] = value.encode() if isinstance(value, str) else value
    return record


def test_read_as_written() -> None:
    assert decode(instance_name(NODE), txt()) == ANNOUNCEMENT


def test_names_are_compared_as_dns_does() -> None:
    assert decode(instance_name(NODE).lower(), txt()) == ANNOUNCEMENT


def test_a_later_version_may_say_more() -> None:
    assert decode(instance_name(NODE), txt(model="llama", flag=None)) == ANNOUNCEMENT


def test_a_machine_may_belong_to_no_cluster() -> None:
    assert decode(instance_name(NODE), txt(cluster=None)).cluster is None


def test_the_cluster_s_id_is_not_told() -> None:
    assert ClusterId("0" * 32) not in encode(ANNOUNCEMENT).values()
    assert cluster_hash(ClusterId("0" * 32)) != cluster_hash(ClusterId("1" * 32))


def test_it_fits_a_packet() -> None:
    assert sum(len(key) + len(text) + 2 for key, text in encode(ANNOUNCEMENT).items()) < 200


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"id": None}, "id: missing"),
        ({"id": "A" * 51}, "id"),
        ({"id": "a" * 52}, "id"),
        ({"id": "A" * 52}, "id: another one"),
        ({"id": "A" * 10_000}, "id: too long"),
        ({"v": None}, "v: missing"),
        ({"v": ""}, "v"),
        ({"v": "0"}, "v: zero"),
        ({"v": "-1"}, "v"),
        ({"v": "٣"}, "v"),
        ({"v": "1" * 60}, "v"),
        ({"boot": "BOOT"}, "boot"),
        ({"boot": b"\xff" * 16}, "boot"),
        ({"cluster": "x"}, "cluster"),
        ({"cluster": ""}, "cluster"),
        ({"peer": "65536"}, "peer: no port"),
        ({"peer": "0"}, "peer: zero"),
        ({"front": None}, "front: missing"),
    ],
)
def test_nonsense_is_named(changed: dict[str, str | bytes | None], wrong: str) -> None:
    with pytest.raises(BadAnnouncement, match=wrong) as raised:
        decode(instance_name(NODE), txt(**changed))
    assert len(str(raised.value)) < 80
