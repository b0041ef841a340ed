"""The URLs that this node answers at."""

import ipaddress
import socket
from dataclasses import dataclass

_WILDCARDS = {"0.0.0.0", "::"}
_DOCUMENTATION_ADDRESS = ("192.0.2.1", 9)  # RFC 5737; nothing is ever sent there


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where this node answers."""

    local: str  # from this machine
    network: str | None  # from others, as far as known


def urls_of(host: str, port: int) -> Urls:
    """The URLs to tell people, for a node that listens on `host`."""
    if host not in _WILDCARDS:
        address = f"[{host}]" if ":" in host else host
        return Urls(local=f"http://{address}:{port}", network=None)
    own = _own_address()
    return Urls(local=f"http://localhost:{port}", network=None if own is None else f"http://{own}:{port}")


def is_this_machine(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_address() -> str | None:
    """This machine's address on the way to other networks; asks the routing table only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DOCUMENTATION_ADDRESS)
            address: str = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address
