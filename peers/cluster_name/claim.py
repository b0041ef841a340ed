"""What is said about the cluster's name: pure rules over labels, such as `corral` for `corral.local`, and addresses."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT_LABEL: Final = "corral"
MOST_STANDBYS: Final = 2
TTL_S: Final = 10
BURST_S: Final = (0.0, 0.25, 0.5)  # the announcements of a new router
REPEAT_S: Final = 5.0
PROBES: Final = 3  # questions before a name is taken
PROBE_EVERY_S: Final = 0.25
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBERED = re.compile(r"(?P<base>.+)-(?P<number>[0-9]{1,3})")
_LONGEST_BASE = 59  # leaves room for a number


class BadLabel(ValueError):
    """It can't be a host name; the message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the router of the cluster wants to be said. Addresses are IP literals, the best first.

    Settled: the cluster has this name already, so a new router takes it over at once. Otherwise it is asked for first.
    """

    label: str
    settled: bool
    router: tuple[str, ...]
    standbys: tuple[tuple[str, ...], ...] = ()  # the addresses of each, the best placed first


def checked_label(text: str) -> str:
    """The label in lower case, with or without `.local` given. Raises BadLabel."""
    label = text.strip().lower().removesuffix(".").removesuffix(".local")
    if not _LABEL.fullmatch(label):
        raise BadLabel(
            f"{text[:80]!r} can't be a name on the LAN; use up to 63 letters, digits and hyphens inside"
        )
    return label


def host_name(label: str) -> str:
    """As in DNS records: `corral.local.`"""
    return f"{label}.local."


def next_label(label: str) -> str:
    """What to try when this one is taken: `corral`, `corral-2`, `corral-3`, …"""
    numbered = _NUMBERED.fullmatch(label)
    base, number = (numbered["base"], int(numbered["number"])) if numbered else (label, 1)
    return f"{base[:_LONGEST_BASE]}-{number + 1}"


def addresses_of(claim: Claim) -> tuple[str, ...]:
    """One IPv4 and one IPv6 address (link-local if there is one) of the router and of two standbys, without scope."""
    machines = (claim.router, *claim.standbys[:MOST_STANDBYS])
    return tuple(dict.fromkeys(address for machine in machines for address in _two_of(machine)))


def withdrawn(claim: Claim) -> tuple[str, ...]:
    """Which of the addresses that were said to take back: only this machine's, for a successor may say the others."""
    return tuple(_two_of(claim.router))


def own_addresses(claim: Claim) -> frozenset[str]:
    """All of this machine's; another program here, such as avahi, may say them for the name."""
    return frozenset(_literals(claim.router))


def gives_way(own_cluster: str, other_cluster: str) -> bool:
    """Of two clusters with one name exactly one takes another: the one with the higher hash."""
    return other_cluster < own_cluster


def next_announcement_s(said: int) -> float:
    """How long to wait after the announcement with this number (from 1) until the next."""
    return BURST_S[said] - BURST_S[said - 1] if said < len(BURST_S) else REPEAT_S


def _two_of(machine: Sequence[str]) -> Iterator[str]:
    literals = list(_literals(machine))
    for version in (4, 6):
        same = [each for each in literals if ipaddress.ip_address(each).version == version]
        same.sort(key=lambda each: version == 6 and not ipaddress.ip_address(each).is_link_local)
        yield from same[:1]


def _literals(addresses: Sequence[str]) -> Iterator[str]:
    for address in addresses:
        try:
            literal = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            continue
        if not literal.is_loopback and not literal.is_unspecified and not literal.is_multicast:
            yield str(literal)
