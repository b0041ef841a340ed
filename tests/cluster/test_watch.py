"""What a machine tells of its cluster while the router dies and comes back: watch, events, metrics."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import all_in_one, cluster_of
from tests.cluster.machine import Machine, one_router, wait_for

MET = "two parts of this cluster met"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    """The router and the other one, without models."""
    folder = tmp_path_factory.mktemp("two")
    with cluster_of(2, folder, models=folder, with_models=0) as machines:
        router = one_router(*machines)
        machines.sort(key=lambda each: each.name != router)
        yield machines[0], machines[1]


def metric(machine: Machine, name: str) -> float:
    lines = machine.ask("GET", "/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


class Watching:
    """`corral cluster watch` on a machine."""

    def __init__(self, machine: Machine, output: Path) -> None:
        self._output = output
        with output.open("wb") as written:
            self.process = machine.begin_corral("cluster", "watch", stdout=written)

    def lines(self) -> list[str]:
        """What it said, without the times."""
        return [line[9:] for line in self._output.read_text().splitlines()]

    def until(self, *wanted: str) -> None:
        """Until it has said all these, in this order."""

        def said() -> bool:
            rest = iter(self.lines())
            return all(any(each in line for line in rest) for each in wanted)

        wait_for(said, within_s=60, what=lambda: f"{wanted} in {self.lines()}")

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=30)


def test_it_goes_on_over_the_death_of_the_router(two: tuple[Machine, Machine], tmp_path: Path) -> None:
    router, other = two
    watching = Watching(other, tmp_path / "watched")
    watching.until(f"{router.name} is the router", f"{other.name} is online")
    router.kill()
    watching.until(f"{router.name} is offline")
    watching.until(f"{other.name} is the router (term ")
    assert metric(other, "corral_cluster_router_changes_total") == 1
    assert metric(other, "corral_cluster_takeover_seconds_count") == 1
    assert metric(other, "corral_cluster_members") == 2
    assert metric(other, "corral_cluster_members_online") == 1
    assert metric(other, "corral_cluster_is_router") == 1
    router.start_again()
    watching.until(f"{router.name} is offline", f"{router.name} is online")
    wait_for(lambda: all_in_one([router, other]), within_s=60)
    assert metric(router, "corral_cluster_is_router") == 0
    assert watching.interrupt() == 0


def test_the_status_command_names_the_router(two: tuple[Machine, Machine]) -> None:
    _, other = two
    wait_for(lambda: all_in_one([*two]), within_s=60)
    shown = subprocess.list2cmdline(other.corral("status").split())
    assert "2 of 2 machines online" in shown and "http://corral.local:32768" in shown
    assert f"router {one_router(*two)}" in shown


def test_a_cluster_that_was_split_and_met_again_says_so(two: tuple[Machine, Machine]) -> None:
    router, other = two
    other.lan.cable(other.host, in_=False)
    try:
        wait_for(lambda: (router.router(), other.router()) == (router.name, other.name), within_s=60)
    finally:
        other.lan.cable(other.host, in_=True)
    wait_for(lambda: all_in_one([*two]), within_s=60)
    assert [said for machine in two for said in machine.local()["splits"] if MET in said] != []
    wait_for(  # both ask the router, which may hear of it by the next beat
        lambda: all(any(MET in each for each in machine.cluster()["warnings"]) for machine in two),
        within_s=30,
        what=lambda: [each.cluster()["elections"][-6:] for each in two],
    )
