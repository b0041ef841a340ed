"""What a machine says of itself in the TXT record of `_corral._tcp.local.`.

Nothing that changes while it runs, save the cluster: a stale record can live for 75 minutes. Records come from anyone on the
LAN, so all of it is a hint and each value is checked.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.peers.ids import ClusterId, NodeId

SERVICE_TYPE: Final = "_corral._tcp.local."
_NODE = re.compile(r"[A-Z2-7]{52}")
_BOOT = re.compile(r"[0-9a-f]{8,32}")
_HASH = re.compile(r"[0-9a-f]{16}")
_NUMBER = re.compile(r"[0-9]{1,5}")
_LONGEST = 64  # of a value, in bytes


class BadAnnouncement(ValueError):
    """The record is not one of ours, or its sender lies; the message says which value is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One start of one machine: `boot` is new each time it starts."""

    version: int  # of the protocol between nodes
    node: NodeId
    boot: str  # 8 to 32 hexadecimal digits
    cluster: str | None  # as from `cluster_hash`; None: belongs to none
    peer_port: int
    front_port: int


def cluster_hash(cluster: ClusterId) -> str:
    """What tells clusters apart on the LAN without telling their ids: 16 hexadecimal digits."""
    return hashlib.sha256(b"corral cluster " + cluster.encode()).hexdigest()[:16]


def instance_name(node: NodeId) -> str:
    """The name of this machine's service, as the record's name."""
    return f"{node}.{SERVICE_TYPE}"


def encode(announcement: Announcement) -> dict[str, str]:
    """As the TXT record's keys and values."""
    texts = {
        "v": str(announcement.version),
        "id": announcement.node,
        "boot": announcement.boot,
        "peer": str(announcement.peer_port),
        "front": str(announcement.front_port),
    }
    return texts if announcement.cluster is None else {**texts, "cluster": announcement.cluster}


def decode(instance: str, properties: Mapping[bytes, bytes | None]) -> Announcement:
    """Read the TXT record of a service with this name; unknown keys are ignored. Raises BadAnnouncement."""
    node = NodeId(_text(properties, "id", _NODE))
    if instance.lower() != instance_name(node).lower():
        raise BadAnnouncement("id: another one than in the service's name")
    return Announcement(
        version=_number(properties, "v"),
        node=node,
        boot=_text(properties, "boot", _BOOT),
        cluster=_text(properties, "cluster", _HASH) if properties.get(b"cluster") is not None else None,
        peer_port=_port(properties, "peer"),
        front_port=_port(properties, "front"),
    )


def _port(properties: Mapping[bytes, bytes | None], key: str) -> int:
    port = _number(properties, key)
    if port > 65535:
        raise BadAnnouncement(f"{key}: no port")
    return port


def _number(properties: Mapping[bytes, bytes | None], key: str) -> int:
    number = int(_text(properties, key, _NUMBER))
    if number == 0:
        raise BadAnnouncement(f"{key}: zero")
    return number


def _text(properties: Mapping[bytes, bytes | None], key: str, pattern: re.Pattern[str]) -> str:
    value = properties.get(key.encode())
    if value is None:
        raise BadAnnouncement(f"{key}: missing")
    if len(value) > _LONGEST:
        raise BadAnnouncement(f"{key}: too long")
    text = value.decode("ascii", errors="replace")
    if not pattern.fullmatch(text):
        raise BadAnnouncement(f"{key}: not what it should look like")
    return text
