"""Which network interfaces are used, and what is told of the others."""

from dataclasses import replace

import pytest

from corral.peers.discovery.interfaces import (
    MOST_ADDRESSES,
    MOST_USED,
    NetworkInterface,
    announced_addresses,
    choose,
    sockets_for,
)

LAN = NetworkInterface(name="eth0", index=2, ipv4=("192.168.1.20",), ipv6=("2001:db8::20", "fe80::20"))


def names(*found: NetworkInterface, pin: str | None = None) -> list[str]:
    return [each.name for each in choose(found, pin).used]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (replace(LAN, name="lo", loopback=True), "only this machine"),
        (replace(LAN, name="eth1", up=False), "switched off"),
        (replace(LAN, name="eth1", ipv4=(), ipv6=()), "no address"),
        (replace(LAN, name="eth1", multicast=False), "multicast"),
        (replace(LAN, name="some0", point_to_point=True), "point to point"),
        (replace(LAN, name="docker0"), "container"),
        (replace(LAN, name="br-1a2b3c"), "container"),
        (replace(LAN, name="veth12ab"), "container"),
        (replace(LAN, name="virbr0"), "virtual machines"),
        (replace(LAN, name="vmnet8"), "virtual machines"),
        (replace(LAN, name="{8-4-4}", titles=("vEthernet (WSL)",)), "virtual machines"),
        (replace(LAN, name="tailscale0"), "VPN"),
        (replace(LAN, name="wg0"), "VPN"),
        (replace(LAN, name="utun3"), "VPN"),
        (replace(LAN, name="eth1", ipv4=("100.100.1.2",)), "100.64.0.0/10"),
        (replace(LAN, name="awdl0", ipv4=()), "AirDrop"),
    ],
)
def test_what_is_no_lan_is_left_out_and_told_why(other: NetworkInterface, reason: str) -> None:
    choice = choose((other, LAN))
    assert choice.used == (LAN,)
    assert [each.name for each in choice.skipped] == [other.name]
    assert reason in choice.skipped[0].reason


@pytest.mark.parametrize("name", ["eth0", "en0", "wlp3s0", "Wi-Fi", "br0", "bond0", "enx00e04c", "wlan0"])
def test_ordinary_names_are_used(name: str) -> None:
    assert names(replace(LAN, name=name)) == [name]


def test_the_default_route_comes_first_and_link_local_last() -> None:
    wifi = replace(LAN, name="wlan0", index=3, ipv4=("192.168.2.20",), default_route=True)
    self_assigned = replace(
        LAN, name="usb0", index=1, ipv4=("169.254.7.7",), ipv6=("fe80::7",), default_route=True
    )
    only_ipv6 = replace(LAN, name="eth9", index=1, ipv4=())
    assert names(self_assigned, only_ipv6, LAN, wifi) == ["wlan0", "eth0", "eth9", "usb0"]


def test_a_self_assigned_address_is_used_only_if_there_is_no_other() -> None:
    both = replace(LAN, ipv4=("169.254.7.7", "192.168.1.20"))
    assert choose((both,)).used[0].ipv4 == ("192.168.1.20",)
    alone = replace(LAN, ipv4=("169.254.7.7",))
    assert choose((alone,)).used[0].ipv4 == ("169.254.7.7",)


def test_no_network_is_no_error() -> None:
    assert choose(()).used == ()


def test_a_container_s_own_interface_is_used() -> None:
    assert names(replace(LAN, ipv4=("10.0.3.17",), ipv6=(), default_route=False)) == ["eth0"]


@pytest.mark.parametrize(
    "pin", ["tailscale0", "TAILSCALE0", "100.100.1.2", "fd7a::1", " fe80::9%tailscale0 "]
)
def test_a_person_can_name_any_interface(pin: str) -> None:
    vpn = NetworkInterface(
        name="tailscale0", ipv4=("100.100.1.2",), ipv6=("fd7a::1", "fe80::9"), point_to_point=True
    )
    choice = choose((LAN, vpn), pin)
    assert [each.name for each in choice.used] == ["tailscale0"]
    assert choice.skipped[0].name == "eth0"
    assert pin in choice.skipped[0].reason


def test_the_named_address_is_the_one_used() -> None:
    two = replace(LAN, ipv4=("192.168.1.20", "192.168.1.21"))
    assert sockets_for(choose((two,), "192.168.1.21").used) == ("192.168.1.21", "fe80::20")


@pytest.mark.parametrize("found", [(), (LAN,), (LAN, replace(LAN, name="wlan0", up=False))])
def test_a_named_interface_that_is_away_is_told(found: tuple[NetworkInterface, ...]) -> None:
    choice = choose(found, "wlan0")
    assert choice.used == ()
    assert "wlan0" in choice.skipped[-1].name
    assert "no such interface now" in choice.skipped[-1].reason


def test_only_a_few_are_used() -> None:
    many = [replace(LAN, name=f"eth{number}", index=number) for number in range(9)]
    choice = choose(many)
    assert len(choice.used) == MOST_USED
    assert len(choice.skipped) == 9 - MOST_USED


def test_one_socket_for_each_protocol_of_an_interface() -> None:
    wifi = NetworkInterface(name="wlan0", ipv4=("192.168.2.20", "192.168.2.21"))
    assert sockets_for((LAN, wifi)) == ("192.168.1.20", "fe80::20", "192.168.2.20")


def test_announced_addresses_are_few_and_of_both_protocols() -> None:
    many = replace(
        LAN,
        ipv4=tuple(f"192.168.1.{number}" for number in range(20)),
        ipv6=(*(f"2001:db8::{number}" for number in range(20)), "fe80::20"),
    )
    told = announced_addresses((many,))
    assert len(told) == MOST_ADDRESSES
    assert told[0] == "192.168.1.0"
    assert "fe80::20" in told
    assert announced_addresses((LAN,)) == ("192.168.1.20", "fe80::20", "2001:db8::20")
