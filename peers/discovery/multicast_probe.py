"""Tries out whether multicast works: asks who is there, and listens whether the question itself comes back.

The system hands each multicast packet back to those who listen on the machine that sent it (IP_MULTICAST_LOOP, ip(7)). So a
question that leaves and doesn't come back was dropped on this very machine. All of it blocks.
"""

import errno
import secrets
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.peers.discovery.announcement import SERVICE_TYPE
from corral.peers.discovery.dns import POINTER, DNSPointer, answers, query
from corral.peers.discovery.interfaces import NetworkInterface

LISTEN_S: Final = 1.5  # others may answer half a second late (RFC 6762, 6)
_PORT: Final = 5353
_GROUPS: Final = {socket.AF_INET: "224.0.0.251", socket.AF_INET6: "ff02::fb"}
_MOST_BYTES: Final = 9_000
_HOPS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastProbe:
    """What was found out. Interfaces by name; each is in at most one of the three."""

    works: tuple[str, ...] = ()  # the question came back
    swallowed: tuple[str, ...] = ()  # it went out, and did not come back
    failed: tuple[tuple[str, str], ...] = ()  # it could not be sent or listened to; why
    heard: tuple[str, ...] = ()  # the instances of Corral that answered, without this machine's


def probe_multicast(
    used: Sequence[NetworkInterface], *, own_instance: str | None = None, listen_s: float = LISTEN_S
) -> MulticastProbe:
    """Ask on each of these interfaces. `own_instance` is the name under which this machine announces itself, if it does."""
    lines: list[_Line] = []
    failed: list[tuple[str, str]] = []
    for interface in used:
        try:
            lines.append(_Line(interface))
        except OSError as error:
            failed.append((interface.name, _explained(error)))
    try:
        asked = [line for line in lines if _asked(line, failed)]
        _listen(asked, time.monotonic() + listen_s)
    finally:
        for line in lines:
            line.close()
    heard = {name for line in asked for name in line.heard}
    return MulticastProbe(
        works=tuple(line.name for line in asked if line.returned),
        swallowed=tuple(line.name for line in asked if not line.returned),
        failed=tuple(failed),
        heard=tuple(sorted(heard - {(own_instance or "").lower()})),
    )


class _Line:
    """One interface, with a socket that speaks and listens there. Raises OSError."""

    def __init__(self, interface: NetworkInterface) -> None:
        self.name = interface.name
        self.returned = False
        self.heard: set[str] = set()
        self._interface = interface
        self._family = socket.AF_INET if interface.ipv4 else socket.AF_INET6
        self._question = _question()
        self.socket = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            self._open()
        except BaseException:
            self.socket.close()
            raise

    def ask(self) -> None:
        scope = (0, self._interface.index) if self._family == socket.AF_INET6 else ()
        self.socket.sendto(self._question, (_GROUPS[self._family], _PORT, *scope))

    def hear(self) -> None:
        try:
            packet = self.socket.recv(_MOST_BYTES)
        except OSError:
            return  # an error that an earlier packet met on its way
        if packet == self._question:
            self.returned = True
        else:
            self.heard |= _instances(packet)

    def close(self) -> None:
        self.socket.close()

    def _open(self) -> None:
        own, group = self.socket, socket.inet_pton(self._family, _GROUPS[self._family])
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._family == socket.AF_INET:
            here = socket.inet_aton(self._interface.ipv4[0])
            own.bind(("", _PORT))
            own.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + here)
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
        else:
            index = struct.pack("@I", self._interface.index)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            own.bind(("", _PORT))
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + index)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)


def _asked(line: _Line, failed: list[tuple[str, str]]) -> bool:
    try:
        line.ask()
    except OSError as error:
        failed.append((line.name, _explained(error)))
        return False
    return True


def _listen(lines: Sequence[_Line], until: float) -> None:
    by_socket = {line.socket: line for line in lines}
    while by_socket and (left_s := until - time.monotonic()) > 0:
        readable, _, _ = select.select(list(by_socket), [], [], left_s)
        for each in readable:
            by_socket[each].hear()


def _question() -> bytes:
    """Who runs Corral here? With a name in it that nobody has, so that this question is like no other."""
    unique = f"{secrets.token_hex(8)}.{SERVICE_TYPE}"
    return query((SERVICE_TYPE, POINTER), (unique, POINTER)).packets()[0]


def _instances(packet: bytes) -> set[str]:
    """The names of services of ours that a packet tells of."""
    return {
        record.alias.lower()
        for record in answers(packet)
        if isinstance(record, DNSPointer) and record.name.lower() == SERVICE_TYPE and record.ttl > 0
    }


def _explained(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program holds UDP port 5353 for itself"
    if error.errno in (errno.EPERM, errno.EACCES):
        return "the firewall of this machine forbids to send"
    return error.strerror or str(error)
