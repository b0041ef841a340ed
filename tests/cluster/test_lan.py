"""The LAN that the cluster tests stand on does what its methods say."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.cluster import lan as lans
from tests.cluster.lan import Lan
from tests.cluster.machine import wait_for


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(2) as made:
        yield made


def reached(lan: Lan, address: str) -> bool:
    try:
        lan.run("h1", ["ping", "-c", "1", "-W", "0.3", address])
    except subprocess.CalledProcessError:
        return False
    return True


def test_hosts_reach_each_other_by_both_protocols(lan: Lan) -> None:
    assert reached(lan, lan.address("h2"))
    assert reached(lan, f"{lan.link_local('h2')}%{lans.INTERFACE}")


def test_a_pulled_cable_cuts_a_host_off(lan: Lan) -> None:
    lan.cable("h2", in_=False)
    assert not reached(lan, lan.address("h2"))
    lan.cable("h2", in_=True)
    wait_for(lambda: reached(lan, lan.address("h2")))


def test_two_switches_are_two_networks(lan: Lan) -> None:
    lan.switch("h2", 1)
    assert not reached(lan, lan.address("h2"))
    lan.switch("h1", 1)
    assert reached(lan, lan.address("h2"))
    lan.switch("h1", 0)
    lan.switch("h2", 0)
    assert reached(lan, lan.address("h2"))


def test_packets_are_lost(lan: Lan) -> None:
    lan.loss("h2", 100)
    assert not reached(lan, lan.address("h2"))
    lan.loss("h2", 0)
    assert reached(lan, lan.address("h2"))


def test_a_host_gets_another_address(lan: Lan) -> None:
    old = lan.address("h2")
    lan.readdress("h2", "10.77.0.77")
    assert lan.address("h2") == "10.77.0.77"
    assert reached(lan, "10.77.0.77")
    assert not reached(lan, old)
    lan.readdress("h2", old)


def test_a_network_card_that_is_off_has_no_address(lan: Lan) -> None:
    lan.interface("h2", up=False)
    assert "inet6" not in lan.ip("h2", "addr", "show", lans.INTERFACE)
    lan.interface("h2", up=True)
    assert lan.link_local("h2")


def test_processes_and_namespaces_are_gone_after_a_failure() -> None:
    before = _namespaces()
    with pytest.raises(ZeroDivisionError), Lan(1) as lan:
        process = lan.popen("h1", ["sleep", "1000"])
        escaped = lan.popen("h1", [sys.executable, "-c", ESCAPE], stdout=subprocess.PIPE)
        assert escaped.stdout is not None
        child = int(escaped.stdout.readline())
        _ = 1 / 0
    assert process.returncode is not None
    assert _ends(child)
    assert _own(_namespaces()) == _own(before)


def test_what_a_dead_run_left_is_removed() -> None:
    stale = "corral-999999999-1-h1"  # no process has such an id
    subprocess.run(["ip", "netns", "add", stale], check=True)
    with Lan(1):
        assert stale not in _namespaces()


# Leaves its session, as a daemon does, and tells its pid.
ESCAPE = """
import subprocess
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(child.pid, flush=True)
"""


def _namespaces() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines()]


def _own(namespaces: list[str]) -> set[str]:
    return {name for name in namespaces if name.startswith(f"corral-{os.getpid()}-")}


def _ends(pid: int) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
    return False
