"""Which networks this machine looks for others on, and why not on the rest."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from corral.app.doctor.finding import Finding, ok, warning
from corral.app.settings_table import Settings
from corral.app.urls import is_this_machine
from corral.peers.discovery.interfaces import Choice, NetworkInterface, choose
from corral.peers.discovery.network_facts import network_interfaces

_LOOPBACK = "reaches only this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """The interfaces as discovery chooses among them. `off`: why it looks for nobody."""

    off: str | None = None
    pin: str | None = None
    choice: Choice = Choice()  # noqa: RUF009 - frozen


def gather_network(settings: Settings) -> NetworkFacts:
    """Ask the system."""
    choice = choose(network_interfaces(), settings.network)
    return NetworkFacts(off=_why_off(settings), pin=settings.network, choice=choice)


def judge_network(facts: NetworkFacts) -> list[Finding]:
    """One finding."""
    check, used, others = "network", facts.choice.used, _others(facts.choice)
    if facts.off is not None:
        return [ok(check, f"this machine looks for no others: {facts.off}")]
    if not used:
        return [_nothing(facts, others)]
    shown = ", ".join(f"{each.name} ({', '.join([*each.ipv4, *each.ipv6][:2])})" for each in used)
    if all(_only_self_assigned(each) for each in used):
        what = f"{shown} has only addresses that this machine gave itself: nothing on the network gives any"
        remedy = "Machines on the same cable find each other all the same. Else see whether the router (DHCP) works."
        return [warning(check, what, remedy)]
    hint = f"; not: {others}; to choose: `corral settings set network NAME`" if others else ""
    return [ok(check, f"others are looked for on {shown}{hint}")]


def _nothing(facts: NetworkFacts, others: str) -> Finding:
    there = f"; there is {others}" if others else ""
    if facts.pin is not None:
        what = f"the setting network names {facts.pin!r}, which this machine doesn't have now{there}"
        return warning("network", what, "Name another one, or take it out: `corral settings unset network`.")
    remedy = "Connect it to the network; or, if one of these is right: `corral settings set network NAME`."
    return warning("network", f"there is no network to find other machines on{there}", remedy)


def _others(choice: Choice) -> str:
    return ", ".join(_told((each.name, each.reason) for each in choice.skipped if each.reason != _LOOPBACK))


def _told(skipped: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{name} ({reason})" for name, reason in skipped)


def _only_self_assigned(interface: NetworkInterface) -> bool:
    return all(ipaddress.ip_address(each).is_link_local for each in (*interface.ipv4, *interface.ipv6))


def _why_off(settings: Settings) -> str | None:
    if is_this_machine(settings.host):
        return f"the setting host is {settings.host}"
    return None if settings.discovery else "the setting discovery is off"
