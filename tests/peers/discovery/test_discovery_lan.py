"""Discovery between hosts of a real LAN: who is found, when, and what a changing network does."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corral.peers.discovery.address_book import MOST_STRANGERS
from corral.peers.discovery.announcement import cluster_hash
from corral.peers.ids import ClusterId
from tests.cluster.driven import Driven, Line, known
from tests.cluster.lan import Lan

Start = Callable[..., Driven]
BOOT = "b" * 16


def node(host: str) -> str:
    """A made-up node id: h1 → AAAA…, h2 → BBBB…"""
    return "ABCDEFG"[int(host[1:]) - 1] * 52


def hears(host: str, **wanted: Any) -> Callable[[Line], bool]:
    """Whether a line tells of this host with these values."""

    def right(line: Line) -> bool:
        return any(each["node"] == node(host) and wanted.items() <= each.items() for each in known(line))

    return right


def hears_at(host: str, address: str) -> Callable[[Line], bool]:
    return lambda line: any(each["node"] == node(host) and address in each["hosts"] for each in known(line))


def hears_not(host: str) -> Callable[[Line], bool]:
    return lambda line: line["event"] == "known" and not hears(host)(line)


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(3) as made:
        yield made


@pytest.fixture
def start(lan: Lan, tmp_path: Path) -> Start:
    def started(host: str, **settings: Any) -> Driven:
        given = {"node": node(host), "boot": BOOT, **settings}
        driven = Driven(lan, host, tmp_path, "tests.cluster.discovery_driver", json.dumps(given))
        driven.event("started")
        return driven

    return started


def test_everyone_finds_a_newcomer_and_notices_its_goodbye(lan: Lan, start: Start) -> None:
    first, second = start("h1", seldom=True), start("h2", seldom=True)
    third = start("h3")  # it may ask again: who answered a moment ago keeps silent (RFC 6762, 6)
    for one in (first, second):
        line = one.until(hears_at("h3", lan.address("h3")), "the newcomer")
        link_local = lan.link_local("h3")
        hosts = [host for each in known(line) if each["node"] == node("h3") for host in each["hosts"]]
        assert any(host.startswith(f"{link_local}%") for host in hosts)
    third.until(lambda line: hears("h1")(line) and hears("h2")(line), "those who were there")
    first.forget()
    third.stop()
    first.until(hears_not("h3"), "the goodbye")
    assert third.errors() == ""


def test_a_killed_machine_that_starts_again_is_noticed_by_its_boot(start: Start) -> None:
    first, second = start("h1", seldom=True), start("h2", seldom=True)
    first.until(hears("h2", boot=BOOT), "the first start")
    second.kill()
    start("h2", boot="c" * 16, seldom=True)
    first.until(hears("h2", boot="c" * 16), "the second start")


def test_halves_that_started_apart_meet(lan: Lan, start: Start) -> None:
    """Each half has said all that it says unasked by then, so they meet only because the router asks."""
    half = ("h2", "h3")
    for host in half:
        lan.switch(host, 1)
    for host in half:
        start(host, seldom=True)
    router = start("h1", seldom=True)
    for host in half:
        lan.switch(host, 0)
    router.tell("router")
    for host in half:
        router.until(hears(host), f"{host} of the other half")


def test_a_changed_address_is_announced(lan: Lan, start: Start) -> None:
    watching, _moving = start("h1"), start("h2")
    watching.until(hears_at("h2", lan.address("h2")), "the old address")
    lan.readdress("h2", "10.77.0.99")
    watching.until(hears_at("h2", "10.77.0.99"), "the new address")
    watching.until(
        lambda line: hears_at("h2", "10.77.0.99")(line) and not hears_at("h2", "10.77.0.2")(line),
        "the old address to go",
    )


def test_started_without_a_network(lan: Lan, start: Start) -> None:
    lan.interface("h2", up=False)
    watching, alone = start("h1"), start("h2")
    status = alone.ask("status")
    assert "no network" in status["problem"]
    assert status["skipped"]["eth0"] == "switched off"
    lan.interface("h2", up=True)
    watching.until(hears_at("h2", lan.address("h2")), "the machine whose network came late")
    alone.until(hears("h1"), "the machine that was there")
    status = alone.ask("status")
    assert (status["problem"], status["used"], status["sockets"]) == (None, ["eth0"], 2)
    assert status["heard"]


def test_a_change_of_cluster_is_told(start: Start) -> None:
    watching, joining = start("h1", seldom=True), start("h2", seldom=True)
    joining.tell("cluster", "1" * 32)
    watching.until(hears("h2", cluster=cluster_hash(ClusterId("1" * 32))), "the other cluster")


def test_a_copy_of_this_machine_is_reported(lan: Lan, start: Start) -> None:
    original = start("h1")
    start("h2", boot="c" * 16, node=node("h1"))
    conflict = f"another machine at {lan.address('h2')}:32769"
    while not any(conflict in each for each in original.ask("status")["conflicts"]):
        pass


def test_half_the_packets_may_get_lost(lan: Lan, start: Start) -> None:
    for host in lan.hosts:
        lan.loss(host, 30)
    started = [start(host) for host in lan.hosts]
    for one in started:
        for other in lan.hosts:
            if other != one.host:
                one.until(hears(other), f"{other} by {one.host}")


def test_nonsense_and_floods_do_no_harm(lan: Lan, start: Start, tmp_path: Path) -> None:
    first = start("h1")
    Driven(lan, "h3", tmp_path, "tests.cluster.stranger", "nonsense", lan.address("h3")).event("started")
    first.until(lambda line: len(list(known(line))) == MOST_STRANGERS, "the made-up machines")
    assert all(len(list(known(line))) <= MOST_STRANGERS for line in first.lines())
    unreadable = first.ask("status")["unreadable"]
    assert unreadable
    assert all("nonsense-" in each for each in unreadable)
    start("h2")
    first.until(hears_at("h2", lan.address("h2")), "a real newcomer among them")
    first.stop()


def test_a_port_that_another_program_keeps_is_told_and_tried_again(lan: Lan, start: Start) -> None:
    holder = lan.popen("h1", [sys.executable, "-c", HOLD_THE_PORT], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    one, other = start("h1"), start("h2")
    status = one.ask("status")
    assert "another program holds UDP port 5353" in status["problem"]
    assert status["sockets"] == 0
    holder.kill()
    one.until(hears("h2"), "the other machine, once the port is free")
    other.until(hears("h1"), "the machine whose port was held")
    assert one.ask("status")["problem"] is None


def test_a_firewall_that_forbids_multicast_is_told(lan: Lan, start: Start) -> None:
    lan.run("h1", ["nft", FORBID_MULTICAST])
    one = start("h1")
    assert "firewall of this machine forbids multicast" in one.ask("status")["problem"]
    lan.run("h1", ["nft", "flush ruleset"])
    while one.ask("status")["problem"] is not None:
        pass


def test_a_named_interface_is_the_only_one(lan: Lan, start: Start) -> None:
    lan.ip("h1", "link", "add", "wlan7", "type", "bridge")
    lan.ip("h1", "addr", "add", "10.78.0.1/24", "dev", "wlan7")
    lan.ip("h1", "link", "set", "wlan7", "up")
    assert start("h1").ask("status")["used"] == ["eth0", "wlan7"]
    assert start("h1", pin="wlan7").ask("status")["used"] == ["wlan7"]
    away = start("h1", pin="eth9").ask("status")
    assert away["used"] == []
    assert "no such interface" in away["skipped"]["eth9"]


HOLD_THE_PORT = """
import socket
held = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
held.bind(("::", 5353))
print("held", flush=True)
while True:
    held.recv(1 << 16)
"""
FORBID_MULTICAST = """
add table inet wall
add chain inet wall out { type filter hook output priority 0; }
add rule inet wall out udp dport 5353 reject
"""
