"""Machines that come into a cluster, by code and by token, and go from it, removed or by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import all_in_one
from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, one_router, wait_for


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(4) as lan:
        yield lan


@pytest.fixture(scope="module")
def anna(lan: Lan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A cluster's first machine."""
    machine = Machine(lan, "h1", tmp_path_factory.mktemp("anna") / "data")
    try:
        machine.wait_until_ready()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def bert(lan: Lan, tmp_path: Path) -> Iterator[Machine]:
    """A fresh machine that waits until it is told."""
    machine = Machine(lan, "h2", tmp_path / "data", settings={"CORRAL_JOIN_AUTOMATICALLY": "false"})
    try:
        machine.wait_until_ready()
        yield machine
    finally:
        machine.close()


def names(machine: Machine) -> set[str]:
    return {each["name"] for each in machine.cluster()["nodes"]}


def test_a_code_typed_on_the_newcomer_lets_it_in_and_leaving_ends_that(anna: Machine, bert: Machine) -> None:
    code = anna.corral("cluster", "code").split()[0]
    assert "is in the cluster" in bert.corral("cluster", "join", "--code", code)
    wait_for(lambda: all_in_one([anna, bert]))
    bert.corral("cluster", "leave")
    wait_for(lambda: names(anna) == {"h1"})
    wait_for(lambda: bert.router() == "h2")
    assert names(bert) == {"h2"}
    assert bert.local()["cluster"]["id"] != anna.local()["cluster"]["id"]
    assert "API key" in bert.output().rpartition("Corral")[0]


def test_a_wrong_code_lets_nobody_in(anna: Machine, bert: Machine) -> None:
    code = anna.corral("cluster", "code").split()[0]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    answer = bert.ask("POST", "/v0/cluster/local/join", {"code": wrong})
    assert answer.status_code == 202
    wait_for(lambda: (bert.local()["joining"] or {}).get("state") == "failed")
    assert "isn't the code" in bert.local()["joining"]["error"]
    assert names(anna) == {"h1"}


def test_a_removed_machine_is_out_at_once_and_starts_anew(anna: Machine, bert: Machine) -> None:
    token = anna.corral("cluster", "invite").split()[0]
    bert.corral("cluster", "join", token)
    wait_for(lambda: all_in_one([anna, bert]))
    old_id = next(each["id"] for each in anna.cluster()["nodes"] if each["name"] == "h2")
    key = anna.ask("POST", "/v0/api-keys", {"name": "k", "scopes": ["api"]}).json()["key"]
    assert bert.ask("GET", "/v1/models", key=key).status_code == 200
    if anna.router() == "h2":  # the router can't remove itself
        anna.corral("cluster", "handover", "h1")
    anna.corral("cluster", "remove", "h2")
    assert names(anna) == {"h1"}
    wait_for(lambda: bert.router() == "h2" and names(bert) == {"h2"})
    assert bert.cluster()["nodes"][0]["id"] != old_id
    assert bert.ask("GET", "/v1/models", key=key).status_code == 401
    used = anna.ask("GET", "/v0/cluster/invites").json()["invites"][-1]
    assert (used["uses_left"], used["state"]) == (0, "used")


def test_a_token_that_was_used_up_or_revoked_lets_nobody_in(anna: Machine, bert: Machine) -> None:
    made = anna.ask("POST", "/v0/cluster/invites", {"uses": 1}).json()
    assert anna.ask("DELETE", f"/v0/cluster/invites/{made['id']}").status_code == 200
    assert bert.ask("POST", "/v0/cluster/local/join", {"token": made["token"]}).status_code == 202
    wait_for(lambda: (bert.local()["joining"] or {}).get("state") == "failed")
    assert "revoked" in bert.local()["joining"]["error"]
    assert one_router(anna) == "h1"


def test_a_machine_that_nobody_finds_is_asked_by_its_address(lan: Lan, anna: Machine, tmp_path: Path) -> None:
    carl = Machine(
        lan,
        "h3",
        tmp_path / "data",
        settings={"CORRAL_DISCOVERY": "false", "CORRAL_JOIN_AUTOMATICALLY": "false"},
    )
    try:
        carl.wait_until_ready()
        token = anna.corral("cluster", "invite").split()[0]
        carl.corral("cluster", "join", token)
        wait_for(lambda: all_in_one([anna, carl]), what=lambda: carl.output() + anna.output())
        carl.stop()
        carl.start_again()
        wait_for(lambda: all_in_one([anna, carl]), what=lambda: carl.output() + anna.output())
    finally:
        carl.close()
