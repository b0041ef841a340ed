"""A host on the LAN that is no member, and tries: nobody gets in, nothing changes, nothing leaks, and clients are served."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from corral.peers.cluster.cluster_file import decode_cluster
from tests.cluster.conftest import all_in_one
from tests.cluster.driven import Driven, Line
from tests.cluster.lan import Lan
from tests.cluster.machine import PORT, Machine, one_router, wait_for
from tests.cluster.repeating import Repeating

MODEL = "parrot"
MEMBERS = {"h1", "h2"}
MOST_GROWTH_BYTES = 60 * 2**20
PASSWORD = "a password of somebody"


@dataclass(slots=True)
class Siege:
    """Two members, one that was removed, and the attacker's host, which all three know as their neighbour."""

    members: list[Machine]
    removed: Machine
    attacker: Driven
    folder: Path  # the attacker's
    key: str
    secrets: dict[str, bytes] = field(default_factory=dict)
    memory: dict[str, list[int]] = field(default_factory=dict)  # what was seen while it was attacked

    def attack(self, name: str, *words: str) -> Line:
        """Let it do this, and return when it has; meanwhile a client on each member gets all its answers."""
        self.attacker.forget()
        self.attacker.tell(name, *words)
        with (
            Repeating(self.members[0], self._asks(self.members[0]), pause_s=0.02),
            Repeating(self.members[1], self._asks(self.members[1]), pause_s=0.02),
        ):
            return self.attacker.until(lambda line: line["event"] == name, name, 90)

    def _asks(self, machine: Machine) -> Any:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "good morning"}]}

        def once() -> None:
            answer = httpx.post(
                f"http://127.0.0.1:{PORT}/v1/chat/completions",
                json=body,
                headers={"authorization": f"Bearer {self.key}"},
                timeout=30,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["choices"][0]["message"]["content"] == "good morning"
            self.memory.setdefault(machine.name, []).append(resident_bytes(machine))

        return once


def resident_bytes(machine: Machine) -> int:
    return int(psutil.Process(machine.process.pid).memory_info().rss)


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """The others joined through the attacker's host, which passed on what they said: one by a code, one by asking."""
    folder = tmp_path_factory.mktemp("siege")
    models = folder / "models"
    models.mkdir()
    (models / f"{MODEL}.echo").touch()
    with Lan(4) as lan:
        machines: list[Machine] = []
        try:
            for host in ("h1", "h2", "h3"):
                settings = {} if host == "h1" else {"CORRAL_JOIN_AUTOMATICALLY": "false"}
                machines.append(Machine(lan, host, folder / host, models=models, settings=settings))
            (folder / "h4").mkdir()
            hosts = [lan.address("h1"), lan.address("h2")]
            attacker = Driven(
                lan,
                "h4",
                folder,
                "tests.cluster.attacker",
                str(folder / "h4"),
                lan.address("h4"),
                *hosts,
            )
            for machine in machines:
                machine.wait_until_ready()
            yield begun(machines, attacker, folder / "h4")
        finally:
            for machine in machines:
                machine.close()


def begun(machines: list[Machine], attacker: Driven, folder: Path) -> Siege:
    first, second, removed = machines
    attacker.event("started")
    attacker.ask("proxy")
    between = first.lan.address("h4")
    code = first.corral("cluster", "code").split()[0]
    assert second.ask("POST", "/v0/cluster/local/join", {"code": code, "host": between}).status_code == 202
    wait_for(lambda: all_in_one([first, second]), what=second.output)
    assert removed.ask("POST", "/v0/cluster/local/join", {"host": between}).status_code == 202
    wait_for(lambda: first.cluster()["requests"], what=removed.output)
    first.corral("cluster", "approve", "h3")
    wait_for(lambda: all_in_one(machines), what=removed.output)
    siege = Siege(
        members=[first, second], removed=removed, attacker=attacker, folder=folder, key=planted_key(first)
    )
    first.corral("cluster", "remove", "h3")
    wait_for(lambda: list(removed.home.glob("identity-until-*")))
    wait_for(lambda: one_router(removed) == "h3")
    removed.stop()
    siege.secrets = secrets_of(siege)
    return siege


def planted_key(machine: Machine) -> str:
    made = machine.ask("POST", "/v0/api-keys", {"name": "client", "scopes": ["api"]})
    return str(made.json()["key"])


def secrets_of(siege: Siege) -> dict[str, bytes]:
    """What only members know."""
    first = siege.members[0]
    user = {"username": "anna", "password": PASSWORD, "role": "admin"}
    assert first.ask("POST", "/v0/users", user).status_code == 201
    found = {
        "API key": siege.key.encode(),
        "password": PASSWORD.encode(),
        "invitation": first.corral("cluster", "invite").split()[0].encode(),
    }
    cluster = decode_cluster((first.home / "cluster.json").read_bytes())
    found |= {"cluster key": cluster.key.encode(), "cluster key, raw": cluster.key_bytes}
    for machine in (*siege.members, siege.removed):
        printed = re.findall(r"(?:API key +|password )(\S+)", machine.output())
        found |= {f"{machine.name} printed {place}": each.encode() for place, each in enumerate(printed)}
    for machine in siege.members:
        found[f"token of {machine.name}"] = machine.token().encode()
        pem = (machine.home / "identity" / "identity.pem").read_bytes()
        found[f"private key of {machine.name}"] = pem.splitlines()[1]
        for file in machine.home.rglob("*.db*"):
            for hash_ in re.findall(rb"\$argon2id\$[\w$=,+/]+", file.read_bytes()):
                found[f"password hash {hash_[-12:]!r}"] = hash_
    assert any(name.startswith("password hash") for name in found)
    return found


@pytest.fixture
def standing(siege: Siege) -> Iterator[None]:
    """The attack changes nothing of what members say of the cluster."""
    before = [state(each) for each in siege.members]
    yield
    assert [state(each) for each in siege.members] == before


def state(machine: Machine) -> tuple[Any, ...]:
    cluster, local = machine.cluster(), machine.local()
    nodes = {each["id"] for each in cluster["nodes"]}
    assert {each["name"] for each in cluster["nodes"]} == MEMBERS
    assert all(each["online"] for each in cluster["nodes"])
    models = [each["id"] for each in machine.ask("GET", "/v1/models").json()["data"]]
    return nodes, cluster["id"], cluster["router"], cluster["term"], local["router"], models


pytestmark = pytest.mark.usefixtures("standing")


def test_announcing_itself_as_everybody(siege: Siege) -> None:
    first = siege.members[0]
    local = first.local()
    siege.attack("announce", local["cluster"]["id"], local["router"]["id"])
    wait_for(lambda: any("h4" in each or "10.77.0.4" in each for each in first.local()["warnings"]))


def test_showing_certificates_that_are_no_members(siege: Siege) -> None:
    (removed,) = siege.removed.home.glob("identity-until-*")
    got = siege.attack("certificates", str(removed))["got"]
    assert got == {"nothing": 0, "stranger": 0, "removed": 0, "nobody": 0, "issued": 0}


def test_speaking_no_tls_to_the_peer_port(siege: Siege) -> None:
    assert siege.attack("noise")["answers"] == [""]


def test_half_handshakes(siege: Siege) -> None:
    assert siege.attack("halves")["begun"] == 2 * 500


def test_bodies_of_a_gigabyte(siege: Siege) -> None:
    statuses = siege.attack("bodies")["statuses"]
    assert set(statuses) <= {"", "401", "413"}


def test_pretending_to_be_a_member_at_the_front_door(siege: Siege) -> None:
    statuses = siege.attack("forge")["statuses"]
    assert {each[-3:] for each in statuses if each.startswith("/peer/")} == {"404"}
    assert [each for each in statuses if each[-3:-2] == "2"] == ["/health 200", "/pair/info 200"]


def test_saying_again_what_newcomers_said(siege: Siege) -> None:
    kinds = siege.attack("replay")["answers"]
    assert "refused" in kinds
    assert not {"offer", "waiting"} & set(kinds)  # what was answered before may be answered again


def test_asking_to_join_a_thousand_times(siege: Siege) -> None:
    came_of = siege.attack("ask")
    assert sum(came_of["answers"].values()) == 1000
    assert came_of["answers"]["refused"] > 900
    assert len(waiting(siege)) == came_of["waiting"] <= 4


def waiting(siege: Siege) -> list[str]:
    """The machines that people of the cluster are asked about."""
    return [each["name"] for each in siege.members[0].cluster()["requests"]]


def test_an_honest_machine_finds_the_cluster_all_the_same(siege: Siege) -> None:
    siege.removed.start_again()
    siege.removed.wait_until_ready()

    def asked() -> bool:
        """Made-up machines may push real ones out of its memory until they are heard again."""
        if (siege.removed.local()["joining"] or {"state": "failed"})["state"] == "failed":
            assert siege.removed.ask("POST", "/v0/cluster/local/join", {}).status_code == 202
        return "h3" in waiting(siege)

    wait_for(asked, within_s=60, what=siege.removed.local)


def test_nothing_secret_was_told_and_no_memory_was_taken(siege: Siege) -> None:
    received = (siege.folder / "received").read_bytes()
    assert received
    assert [name for name, secret in siege.secrets.items() if secret in received] == []
    grown = {name: max(seen) - seen[0] for name, seen in siege.memory.items()}
    assert grown.keys() == MEMBERS
    assert max(grown.values()) < MOST_GROWTH_BYTES, grown
