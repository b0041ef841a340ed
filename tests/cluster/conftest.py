"""Clusters of real nodes on a LAN of network namespaces, made once for the tests of a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import guards
from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, one_router, wait_for

MODEL = "smollm2-135m-instruct"


@pytest.fixture(scope="session")
def chat_models(tmp_path_factory: pytest.TempPathFactory, starter_model: Path) -> Path:
    """A models folder with the starter model."""
    folder = tmp_path_factory.mktemp("chat-models")
    (folder / starter_model.name).symlink_to(starter_model)
    return folder


@contextmanager
def cluster_of(count: int, folder: Path, *, models: Path, with_models: int) -> Iterator[list[Machine]]:
    """Machines h1, h2, … in one cluster, the first `with_models` of them with a model; let in by a token.

    There is one more host on the LAN, without Corral.
    """
    with Lan(count + 1) as lan:
        lan.resolve(lan.hosts[-1], "nobody.local")  # starts its resolver
        machines: list[Machine] = []
        try:
            first = Machine(lan, "h1", folder / "h1", models=models)
            machines.append(first)
            first.wait_until_ready()
            token = first.corral("cluster", "invite", "--uses", str(count)).split()[0]
            for number in range(2, count + 1):
                host = f"h{number}"
                machine = Machine(
                    lan,
                    host,
                    folder / host,
                    models=models if number <= with_models else None,
                    settings={"CORRAL_JOIN_TOKEN": token},
                )
                machines.append(machine)
            wait_for(
                lambda: all_in_one(machines), within_s=120, what=lambda: [each.output() for each in machines]
            )
            yield machines
        finally:
            for machine in machines:
                machine.close()


def all_in_one(machines: list[Machine]) -> bool:
    """Whether all are in one cluster with one router that hears them all."""
    router = one_router(*machines)
    if router is None:
        return False
    nodes = next(each for each in machines if each.name == router).cluster()["nodes"]
    return all(each["online"] for each in nodes) and len(machines) == len(nodes)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, chat_models: Path) -> Iterator[list[Machine]]:
    """Three machines, all with the model."""
    with cluster_of(3, tmp_path_factory.mktemp("three"), models=chat_models, with_models=3) as machines:
        yield machines


@pytest.fixture
def whole(three: list[Machine]) -> Iterator[list[Machine]]:
    """The three, all running and agreed, before and after the test."""
    yield three
    for machine in three:
        machine.lan.switch(machine.host, 0)
        machine.lan.cable(machine.host, in_=True)
        if machine.process.poll() is not None:
            machine.start_again()
    wait_for(lambda: all_in_one(three), within_s=60, what=lambda: [each.output() for each in three])


@pytest.fixture(autouse=True)
def _test_leaves_nothing() -> Iterator[None]:
    """Machines live as long as their module, and tests kill and restart them; the module leaves nothing."""
    guard = guards.Guard({"threads": guards.threads_without_pools})
    yield
    guard.check()
