"""A node of the previous or the next version of the protocol is a member like any other; one that is two versions away is not."""

from collections.abc import Iterator
from typing import Any

import pytest

from corral.peers.cluster.link_messages import VERSION
from tests.cluster.conftest import all_in_one
from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, one_router, wait_for

HOSTS = {"h1": VERSION, "h2": VERSION, "h3": VERSION - 1}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """Two of this version, and one of another; each has a model of its own."""
    folder = tmp_path_factory.mktemp("machines")
    with Lan(len(HOSTS)) as lan:
        machines: list[Machine] = []
        try:
            settings: dict[str, str] = {}
            for host, version in HOSTS.items():
                models = folder / f"models-{host}"
                models.mkdir()
                (models / f"of-{host}.echo").touch()
                machine = Machine(
                    lan, host, folder / host, models=models, settings=settings, program=program(version)
                )
                machines.append(machine)
                if not settings:
                    machine.wait_until_ready()
                    token = machine.corral("cluster", "invite", "--uses", str(len(HOSTS))).split()[0]
                    settings = {"CORRAL_JOIN_TOKEN": token}
            wait_for(
                lambda: all_in_one(machines), within_s=120, what=lambda: [each.output() for each in machines]
            )
            yield machines
        finally:
            for machine in machines:
                machine.close()


def program(version: int) -> list[str]:
    """What runs as a node of this version."""
    return ["corral.app.cli"] if version == VERSION else ["tests.cluster.other_version", str(version)]


def reigning(machines: list[Machine], name: str) -> Machine:
    """Let this one be the router."""
    router = one_router(*machines)
    if router != name:
        asked = next(each for each in machines if each.name == router)
        nodes = {each["name"]: each["id"] for each in asked.cluster()["nodes"]}
        answer = asked.ask("POST", "/v0/cluster/handover", {"node": nodes[name]})
        assert answer.status_code == 200, answer.text
        wait_for(lambda: one_router(*machines) == name)
    return next(each for each in machines if each.name == name)


def models_at(machine: Machine) -> set[str]:
    return {each["id"] for each in machine.ask("GET", "/v1/models").json()["data"]}


def chat(asked: Machine, model: str, key: str) -> str:
    """Which machine answered."""
    body = {"model": model, "messages": [{"role": "user", "content": "good morning"}]}
    answer = asked.ask("POST", "/v1/chat/completions", body, key=key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "good morning"
    return answer.headers["x-corral-node"]


def restarted(machine: Machine, version: int) -> None:
    """From now on it speaks this version."""
    if machine.program != program(version):
        machine.stop()
        machine.program = program(version)
        machine.start_again()


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_machine_of_a_neighbouring_version_is_a_member(machines: list[Machine], version: int) -> None:
    restarted(machines[2], version)
    wait_for(lambda: all_in_one(machines), what=machines[2].output)
    for name in ("h3", "h1"):
        router = reigning(machines, name)
        wait_for(lambda router=router: models_at(router) == {f"of-{host}" for host in HOSTS})  # type: ignore[misc]
        made = router.ask("POST", "/v0/api-keys", {"name": name, "scopes": ["api"]}).json()
        for asked in machines:
            for answering in machines:
                assert chat(asked, f"of-{answering.name}", made["key"]) == answering.name
        other = reigning(machines, "h2")
        assert other.ask("DELETE", f"/v0/api-keys/{made['id']}").status_code == 200
        for asked in machines:
            assert asked.ask("GET", "/v1/models", key=made["key"]).status_code == 401
    for machine in machines:
        wait_for(lambda machine=machine: differing(machine) == 0)  # type: ignore[misc]
        assert not any(each["needs_update"] for each in machine.local()["nodes"])
        assert "malformed" not in machine.output()


def test_a_machine_that_is_two_versions_away_is_told_and_takes_no_part(machines: list[Machine]) -> None:
    *near, far = machines
    reigning(machines, "h3")
    restarted(far, VERSION + 2)
    wait_for(lambda: one_router(*near) in ("h1", "h2"))
    wait_for(lambda: node(near[0], "h3")["needs_update"], what=near[0].cluster)
    wait_for(lambda: far.router() == "h3", what=far.output)
    assert node(far, "h1")["needs_update"]
    for name in ("h1", "h2"):
        asked = reigning(near, name)
        assert not node(asked, "h3")["online"]
        assert models_at(asked) == {"of-h1", "of-h2"}
        body = {"node": node(asked, "h3")["id"]}
        assert asked.ask("POST", "/v0/cluster/handover", body).status_code == 409
        assert "malformed" not in asked.output()


def differing(machine: Machine) -> float:
    """How many members hold something else than this machine."""
    lines = machine.ask("GET", "/metrics").text.splitlines()
    return next(
        float(line.split()[1]) for line in lines if line.startswith("corral_cluster_members_differing")
    )


def node(asked: Machine, name: str) -> dict[str, Any]:
    """What a machine says of another."""
    found: dict[str, Any] = next(each for each in asked.cluster()["nodes"] if each["name"] == name)
    return found
