"""The network interfaces of this machine, asked from the system. All of it blocks for some milliseconds.

Linux and macOS tell flags by SIOCGIFFLAGS (netdevice(7)); Windows is not asked, names and addresses must do there. The default
route is found by connecting a UDP socket to a documentation address, which sends nothing.
"""

import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import ifaddr

from corral.peers.discovery.interfaces import NetworkInterface

_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # RFC 5737, RFC 3849
_MDNS_GROUP = "224.0.0.251"
_MDNS_GROUP_6 = "ff02::fb"
_MDNS_PORT = 5353
_EMPTY_QUERY = bytes(12)  # a DNS header with no question: nobody answers
_UP, _LOOPBACK, _POINT_TO_POINT = 0x1, 0x8, 0x10
_MULTICAST = 0x8000 if sys.platform == "darwin" else 0x1000
_SIOCGIFFLAGS = 0xC0206911 if sys.platform == "darwin" else 0x8913


def network_interfaces() -> tuple[NetworkInterface, ...]:
    """All of them, also those that are down or no LAN, in the order of their index."""
    outward = set(_source_addresses())
    found: dict[str, NetworkInterface] = {}
    for adapter in ifaddr.get_adapters():
        name = adapter.name.partition(":")[0]  # Linux shows further addresses as eth0:1
        known = found.get(name) or _with_flags(
            NetworkInterface(name=name, titles=_titles(adapter), index=adapter.index or 0)
        )
        ipv4 = tuple(each.ip for each in adapter.ips if isinstance(each.ip, str))
        ipv6 = tuple(each.ip[0].partition("%")[0] for each in adapter.ips if isinstance(each.ip, tuple))
        found[name] = replace(
            known,
            ipv4=known.ipv4 + ipv4,
            ipv6=known.ipv6 + ipv6,
            default_route=known.default_route or not outward.isdisjoint((*ipv4, *ipv6)),
        )
    return tuple(sorted(found.values(), key=lambda each: (each.index, each.name)))


def why_no_multicast(used: Sequence[NetworkInterface]) -> str | None:
    """What the system says to a multicast packet on these interfaces; None if it lets one pass on any of them."""
    said: list[str] = []
    for interface in used:
        for family, address in _families(interface):
            try:
                _send_nothing(family, address, interface.index)
            except OSError as error:
                said.append(f"{interface.name}: {_explained(error)}")
            else:
                return None
    return "; ".join(dict.fromkeys(said)) or None


def _families(interface: NetworkInterface) -> Iterator[tuple[socket.AddressFamily, str]]:
    if interface.ipv4:
        yield socket.AF_INET, interface.ipv4[0]
    if interface.ipv6 and interface.index:
        yield socket.AF_INET6, interface.ipv6[0]


def _send_nothing(family: socket.AddressFamily, address: str, index: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sending:
        sending.setblocking(False)
        if family == socket.AF_INET:
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            sending.sendto(_EMPTY_QUERY, (_MDNS_GROUP, _MDNS_PORT))
        else:
            sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@I", index))
            sending.sendto(_EMPTY_QUERY, (_MDNS_GROUP_6, _MDNS_PORT, 0, index))


def _explained(error: OSError) -> str:
    if error.errno == errno.EHOSTUNREACH and sys.platform == "darwin":
        return "macOS keeps Corral off the local network; allow it in System Settings, Privacy & Security, Local Network"
    if error.errno in (errno.EPERM, errno.EACCES):
        return "the firewall of this machine forbids multicast; allow UDP port 5353"
    return error.strerror or str(error)


def _source_addresses() -> Iterator[str]:
    """The addresses of this machine from which it would reach the internet."""
    for family, elsewhere in _ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((elsewhere, 9))
            yield asking.getsockname()[0]


def _titles(adapter: ifaddr.Adapter) -> tuple[str, ...]:
    titles = (adapter.nice_name, *(each.nice_name for each in adapter.ips))
    return tuple(dict.fromkeys(title for title in titles if title and title != adapter.name))


def _with_flags(interface: NetworkInterface) -> NetworkInterface:
    flags = _flags(interface.name)
    if flags is None:
        return interface
    return replace(
        interface,
        up=bool(flags & _UP),
        loopback=bool(flags & _LOOPBACK),
        point_to_point=bool(flags & _POINT_TO_POINT),
        multicast=bool(flags & _MULTICAST),
    )


if sys.platform == "win32":

    def _flags(name: str) -> int | None:
        return None
else:
    import fcntl

    def _flags(name: str) -> int | None:
        """None if the interface went away meanwhile."""
        request = struct.pack("16sH14x", name.encode()[:15], 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            try:
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFFLAGS, request)
            except OSError:
                return None
        return int(struct.unpack_from("16sH", answer)[1])
