"""`corral cluster watch`, `corral peers` and `corral status` on a machine that is alone; `tests/cluster` has several."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corral.app.commands.cluster_watch import changes
from tests.acceptance.node import Node
from tests.app.cluster.test_happenings import ASKS, H1, H2, cluster, node
from tests.app.command_line import DEADLINE_S, Commands

ASKING = {**ASKS, "address": "192.0.2.9"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("cluster-commands")
    (folder / "models").mkdir()
    running = Node(folder / "data", models=folder / "models", settings={"CORRAL_NODE_NAME": "desk"})
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def corral(running: Node) -> Commands:
    return Commands(running.home)


def test_status_shows_the_cluster(corral: Commands) -> None:
    shown = corral.done_at_last("desk, alone", "status")
    assert "corral, this machine alone" in shown and "router" in shown
    assert "corral.local" not in shown  # nobody says the name of a machine that is to itself
    told = json.loads(corral.done("status", "--json"))["cluster"]
    assert (told["name"], told["router"]["name"]) == ("corral", "desk")


def test_the_banner_and_the_log_name_the_cluster(running: Node, corral: Commands) -> None:
    assert "Cluster   corral, this machine alone\n" in running.output()
    assert "cluster=corral" in corral.done("logs", "-n", "1000")


def test_peers_are_added_listed_and_removed(corral: Commands) -> None:
    assert "is noted" in corral.done("peers", "add", "192.0.2.7")
    listed = corral.done("peers", "list")
    assert "nobody answered yet" in listed and "192.0.2.7:32769 (added)" in listed
    told = json.loads(corral.done("peers", "list", "--json"))
    assert told["written"] == ["192.0.2.7:32769"]
    assert [each["id"] for each in told["machines"]] == [None]
    corral.done("peers", "remove", "192.0.2.7:32769")
    assert json.loads(corral.done("peers", "list", "--json")) == {"machines": [], "written": []}
    assert "was not added here" in corral.failed("peers", "remove", "192.0.2.7")
    assert "is no address" in corral.failed("peers", "add", "two words")


def test_watch_follows_what_happens(corral: Commands) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "corral.app.cli", "cluster", "watch"],
        env={**corral.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert watching.stdout is not None
        lines = iter(watching.stdout.readline, "")
        until(lines, "desk is online")
        corral.done("cluster", "rename", "home")
        until(lines, "the cluster is called home: ")
        corral.done("cluster", "rename", "corral")
        until(lines, "the cluster is called corral: ")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(DEADLINE_S) == 0
    finally:
        watching.kill()
        watching.communicate()


def until(lines: Iterator[str], wanted: str) -> None:
    """Read until a line with this; what comes before has its time."""
    deadline = time.monotonic() + DEADLINE_S
    for line in lines:
        assert time.strptime(line[:8], "%H:%M:%S"), line
        if wanted in line:
            return
        assert time.monotonic() < deadline, line
    raise AssertionError(f"it ended before {wanted!r}")


def test_watch_needs_a_node(tmp_path: Path) -> None:
    assert Commands(tmp_path)("cluster", "watch").returncode == 3


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (cluster(H1), cluster(H1), []),
        (cluster(H1), cluster(H1, H2), ["h2 joined", "h2 is online"]),
        (cluster(H1, H2), cluster(H1, node("h2", online=False)), ["h2 is offline"]),
        (cluster(H1, H2), cluster(H1), ["h2 left"]),
        (cluster(H1), cluster(H1, router=None), ["there is no router at the moment"]),
        (cluster(H1), cluster(H1, router="h2", term=9), ["h2 is the router (term 9)"]),
        (
            cluster(H1),
            cluster(H1, requests=[ASKING]),
            ["h3 (192.0.2.9) wants to join with the code 123 456: corral cluster approve h3"],
        ),
        (cluster(H1, requests=[ASKING]), cluster(H1), ["h3 asks no more"]),
        (cluster(H1), cluster(H1, name="home", url="u"), ["the cluster is called home: u"]),
        (cluster(H1), cluster(H1, warnings=["A minute ago x"]), ["warning: A minute ago x"]),
        (cluster(H1, warnings=["A minute ago x"]), cluster(H1, warnings=["2 minutes ago x"]), []),
    ],
)
def test_what_is_said_of_a_change(before: dict[str, Any], after: dict[str, Any], lines: list[str]) -> None:
    assert list(changes(before, after)) == lines
