"""Which addresses a runtime may register. Pure."""

import ipaddress

from corral.app.runtimes.errors import UnusableAddress


def usable_address(text: str, *, from_this_machine: bool) -> tuple[str, bool]:
    """The address as it is kept, and whether only its own machine reaches it. Raises UnusableAddress.

    `from_this_machine`: the runtime that registers runs on the machine that is asked. Its own address (127.0.0.1) means
    something only there.
    """
    try:
        ip = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise UnusableAddress(
            "must be an IP address of the runtime's machine, such as 192.168.1.100"
        ) from error
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            raise UnusableAddress("must have no zone (`%…`): it means something on one machine only")
        ip = ip.ipv4_mapped or ip
    if ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255":
        raise UnusableAddress(
            f"is {ip}, where nothing can be reached; use the address that the runtime's machine has on the network"
        )
    if ip.is_loopback and not from_this_machine:
        raise UnusableAddress(
            f"is {ip}, which is every machine's name for itself; use the address that the runtime's machine has on the "
            "network"
        )
    return str(ip), ip.is_loopback
