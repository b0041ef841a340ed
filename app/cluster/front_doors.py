"""Which front doors of other clusters this machine may knock at. Pure."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from corral.peers.address import Address
from corral.peers.discovery.address_book import Candidate
from corral.peers.discovery.announcement import cluster_hash
from corral.peers.ids import ClusterId

FRONT_PORT = 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The HTTP port of a machine, and the cluster that it says it belongs to (its hash); None: nobody said."""

    address: Address
    cluster: str | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}"


def doors(candidates: Sequence[Candidate], own: ClusterId, written: Sequence[Address] = ()) -> list[Door]:
    """The front doors of machines that may belong to another cluster, the most promising first.

    `written` are peer ports that a person named; their front doors are taken to be at the usual port.
    """
    found = [Door(address=Address(each.host, FRONT_PORT)) for each in written]
    for candidate in candidates:
        told = candidate.announcement
        if candidate.member or told is None or told.cluster in (None, cluster_hash(own)):
            continue
        hosts = [each.address.host for each in candidate.addresses if not each.address.is_link_local]
        hosts.sort(key=_is_ipv6)
        found += [Door(address=Address(host, told.front_port), cluster=told.cluster) for host in hosts[:2]]
    return found


def doors_of(candidates: Sequence[Door], cluster: ClusterId) -> list[Door]:
    """Those of one cluster."""
    return [door for door in candidates if door.cluster == cluster_hash(cluster)]


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
