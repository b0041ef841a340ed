"""Which network interfaces discovery uses, and why not the others. Pure: facts in, choice out."""

import fnmatch
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

MOST_USED: Final = 4
MOST_ADDRESSES: Final = 8
_NOT_LAN: Final = (  # name of the interface, upper and lower case alike → what it is
    ("vethernet*", "a network of virtual machines"),
    ("docker*", "a container network"),
    ("br-*", "a container network"),
    ("veth*", "a container network"),
    ("cni*", "a container network"),
    ("podman*", "a container network"),
    ("lxcbr*", "a container network"),
    ("lxdbr*", "a container network"),
    ("flannel*", "a container network"),
    ("cali*", "a container network"),
    ("virbr*", "a network of virtual machines"),
    ("vmnet*", "a network of virtual machines"),
    ("vmware*", "a network of virtual machines"),
    ("virtualbox*", "a network of virtual machines"),
    ("vboxnet*", "a network of virtual machines"),
    ("hyper-v*", "a network of virtual machines"),
    ("tailscale*", "a VPN"),
    ("wireguard*", "a VPN"),
    ("wg[0-9]*", "a VPN"),
    ("utun*", "a VPN"),
    ("tun[0-9]*", "a VPN"),
    ("ppp[0-9]*", "a VPN"),
    ("zt*", "a VPN"),
    ("zerotier*", "a VPN"),
    ("awdl*", "only for AirDrop"),
    ("llw*", "only for AirDrop"),
)
_CARRIER_GRADE = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598; Tailscale's addresses too


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """One network interface as the system shows it. Addresses are literals without scope."""

    name: str
    titles: tuple[str, ...] = ()  # other names that the system shows for it (Windows)
    index: int = 0
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    up: bool = True
    loopback: bool = False
    point_to_point: bool = False
    multicast: bool = True
    default_route: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """An interface that isn't used; the reason completes "not used: …"."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The interfaces to use, the best one first, and the others."""

    used: tuple[NetworkInterface, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def choose(found: Sequence[NetworkInterface], pin: str | None = None) -> Choice:
    """Leave out what is no LAN, put the default route first and link-local addresses last.

    A pin (name or address of an interface) overrides that: then this one is used or none.
    """
    if pin is not None:
        return _pinned(found, pin)
    skipped = []
    usable = []
    for interface in found:
        reason = _why_not(interface)
        if reason is None:
            usable.append(_with_lan_addresses(interface))
        else:
            skipped.append(Skipped(interface.name, reason))
    usable.sort(key=_rank)
    skipped += [Skipped(each.name, f"{MOST_USED} others come first") for each in usable[MOST_USED:]]
    return Choice(used=tuple(usable[:MOST_USED]), skipped=tuple(skipped))


def sockets_for(used: Sequence[NetworkInterface]) -> tuple[str, ...]:
    """The addresses to open multicast sockets on: for each interface one of each protocol, IPv6 link-local if there is one."""
    return tuple(address for each in used for address in (*each.ipv4[:1], *link_local_first(each.ipv6)[:1]))


def announced_addresses(used: Sequence[NetworkInterface]) -> tuple[str, ...]:
    """The addresses to tell others, the best first; bounded."""
    ipv4 = [address for each in used for address in each.ipv4]
    ipv6 = [address for each in used for address in link_local_first(each.ipv6)]
    return tuple(dict.fromkeys([*ipv4[: MOST_ADDRESSES // 2], *ipv6]))[:MOST_ADDRESSES]


def link_local_first(addresses: Sequence[str]) -> list[str]:
    """Link-local ones work without any router and don't change with the provider."""
    return sorted(addresses, key=lambda address: not ipaddress.ip_address(address).is_link_local)


def _pinned(found: Sequence[NetworkInterface], pin: str) -> Choice:
    wanted = pin.strip().partition("%")[0].lower()
    used: list[NetworkInterface] = []
    skipped = []
    for interface in found:
        names = (interface.name, *interface.titles, *interface.ipv4, *interface.ipv6)
        if wanted not in (name.lower() for name in names):
            skipped.append(Skipped(interface.name, f"the settings name {pin}"))
        elif not interface.up:
            skipped.append(Skipped(interface.name, "switched off"))
        else:
            used.append(_put_first(interface, wanted))
    if not used:
        skipped.append(Skipped(pin, "named in the settings, but this machine has no such interface now"))
    return Choice(used=tuple(used[:1]), skipped=tuple(skipped))


def _put_first(interface: NetworkInterface, address: str) -> NetworkInterface:
    def first(addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(addresses, key=lambda each: each != address))

    return replace(interface, ipv4=first(interface.ipv4), ipv6=first(interface.ipv6))


def _why_not(interface: NetworkInterface) -> str | None:
    if interface.loopback:
        return "reaches only this machine"
    if not interface.up:
        return "switched off"
    if interface.point_to_point:
        return "point to point, as VPNs are"
    kind = next(_kinds(interface), None)
    if kind is not None:
        return kind
    if not interface.multicast:
        return "can't multicast"
    lan = _with_lan_addresses(interface)
    if lan.ipv4 or lan.ipv6:
        return None
    return "only addresses in 100.64.0.0/10, as VPNs have" if interface.ipv4 else "no address"


def _kinds(interface: NetworkInterface) -> Iterator[str]:
    for name in (interface.name, *interface.titles):
        for pattern, kind in _NOT_LAN:
            if fnmatch.fnmatchcase(name.lower(), pattern):
                yield kind


def _with_lan_addresses(interface: NetworkInterface) -> NetworkInterface:
    """Without those of a VPN; self-assigned ones (169.254.0.0/16) only if there is nothing better."""
    routed = tuple(each for each in interface.ipv4 if ipaddress.IPv4Address(each) not in _CARRIER_GRADE)
    lan = tuple(each for each in routed if not ipaddress.IPv4Address(each).is_link_local)
    only_vpn = bool(interface.ipv4) and not routed
    return replace(interface, ipv4=lan or routed, ipv6=() if only_vpn else interface.ipv6)


def _rank(interface: NetworkInterface) -> tuple[bool, bool, bool, int, str]:
    every = (*interface.ipv4, *interface.ipv6)
    only_link_local = all(ipaddress.ip_address(address).is_link_local for address in every)
    return only_link_local, not interface.default_route, not interface.ipv4, interface.index, interface.name
