"""`corral doctor` on machines whose network is broken in one way each."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.conftest import cluster_of
from tests.cluster.machine import Machine, wait_for

Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    """Two machines in one cluster, without models."""
    folder = tmp_path_factory.mktemp("two")
    with cluster_of(2, folder, models=folder, with_models=0) as machines:
        yield machines[0], machines[1]


@contextmanager
def dropping(machine: Machine, *packets: str) -> Iterator[None]:
    """Let the firewall of a machine drop the packets that come in and match one of these."""
    rules = "; ".join(f"add rule inet wall in {each} drop" for each in packets)
    hook = "{ type filter hook input priority 0; }"
    machine.lan.run(machine.host, ["nft", f"add table inet wall; add chain inet wall in {hook}; {rules}"])
    try:
        yield
    finally:
        machine.lan.run(machine.host, ["nft", "delete table inet wall"])


def examined(machine: Machine) -> Findings:
    """What the doctor finds there, by check."""
    try:
        output = machine.corral("doctor", "--json")
    except subprocess.CalledProcessError as error:  # it found a problem
        output = error.stdout
    found: Findings = {}
    for each in json.loads(output)["findings"]:
        found.setdefault(each["check"], []).append(each)
    return found


def check(found: Findings, name: str, level: str, *words: str) -> None:
    """The only finding of a check is of that level and has all these words in it."""
    [finding] = found[name]
    text = f"{finding['what']} {finding['remedy']}"
    assert finding["level"] == level, text
    assert [each for each in words if each not in text] == [], text


def until_seen(machine: Machine, other: Machine, *, online: bool, link: str) -> None:
    """Until a machine sees the other one like this."""

    def seen() -> dict[str, Any]:
        return next(each for each in machine.local()["nodes"] if each["name"] == other.name)

    wait_for(lambda: (seen()["online"], seen()["link"]) == (online, link), within_s=60, what=seen)


@pytest.fixture
def whole(two: tuple[Machine, Machine]) -> Iterator[tuple[Machine, Machine]]:
    """Both run and hear each other, before and after the test."""
    yield two
    for machine, other in (two, two[::-1]):
        until_seen(machine, other, online=True, link="reached")


def test_a_healthy_cluster(whole: tuple[Machine, Machine]) -> None:
    machine, other = whole
    found = examined(machine)
    check(found, "machines", "ok", f"{other.name} answers")
    check(found, "multicast", "ok", "1 other machine answered")
    check(found, "network", "ok", "eth0 (10.77.0.")
    check(found, "cluster", "ok", "2 machines, the router is")


def test_multicast_that_a_firewall_drops(whole: tuple[Machine, Machine]) -> None:
    blocked, other = whole
    with dropping(blocked, "udp dport 5353"):
        found = examined(blocked)
    words = ("multicast is blocked on this machine", "eth0", "UDP port 5353", "corral peers add")
    check(found, "multicast", "problem", *words)
    check(found, "machines", "ok", f"{other.name} answers")


def test_a_peer_port_that_a_firewall_closes(whole: tuple[Machine, Machine]) -> None:
    """Both sides can tell: there it isn't reached though it is heard; here nothing arrives from whom is reached."""
    closed, other = whole
    other.stop()  # an open connection would notice only when TCP gives up
    with dropping(closed, "tcp dport 32769"):
        other.start_again()
        other.wait_until_ready()
        until_seen(other, closed, online=True, link="unreachable")
        there = ("a firewall there", "10.77.0.1:32769", f"Let TCP port 32769 in on {closed.name}")
        check(examined(other), "machines", "problem", f"{closed.name} is heard", *there)
        until_seen(closed, other, online=False, link="reached")
        here = ("can be reached from here", "firewall of this machine", "Let TCP port 32769 in here")
        check(examined(closed), "machines", "problem", *here)


def test_a_machine_that_is_cut_off(whole: tuple[Machine, Machine]) -> None:
    alone, other = whole
    alone.lan.cable(alone.host, in_=False)
    try:
        until_seen(alone, other, online=False, link="unreachable")
        words = (f"{other.name} is off, or cut off", f"`corral doctor` says on {other.name}")
        check(examined(alone), "machines", "warning", *words)
    finally:
        alone.lan.cable(alone.host, in_=True)


def test_a_machine_whose_node_does_not_run(whole: tuple[Machine, Machine]) -> None:
    """Without a node it tries what it remembers."""
    stopped, other = whole
    stopped.stop()
    try:
        found = examined(stopped)
        check(found, "machines", "ok", "10.77.0.2:32769", "start the node")
        check(found, "multicast", "ok", "1 other machine answered")
        until_seen(other, stopped, online=False, link="refused")
        check(examined(other), "machines", "warning", f"Start Corral on {stopped.name}")
    finally:
        stopped.start_again()
        stopped.wait_until_ready()
