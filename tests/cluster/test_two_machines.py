"""Two machines on a LAN, nothing configured: found, approved once, and one URL serves the models of both."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.lan import Lan
from tests.cluster.machine import PORT, Machine, one_router, pair, wait_for

ROOT = Path(__file__).parents[2]
MODEL = "smollm2-135m-instruct"
CHAT = {"model": MODEL, "max_tokens": 8, "messages": [{"role": "user", "content": "Name an animal."}]}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, starter_model: Path) -> Iterator[tuple[Machine, ...]]:
    """Anna has no model, Bert has one; Carl is a machine without Corral."""
    folder = tmp_path_factory.mktemp("machines")
    models = folder / "models"
    models.mkdir()
    (models / starter_model.name).symlink_to(starter_model)
    with Lan(3) as lan:
        lan.resolve("h3", "nobody.local")  # starts its resolver
        anna = Machine(lan, "h1", folder / "anna")
        anna.wait_until_ready()
        bert = Machine(lan, "h2", folder / "bert", models=models)
        try:
            bert.wait_until_ready()
            pair(anna, bert)
            yield anna, bert
        finally:
            anna.close()
            bert.close()


def test_both_are_in_one_cluster(machines: tuple[Machine, ...]) -> None:
    anna, bert = machines
    assert one_router(anna, bert) is not None
    assert {each["name"] for each in anna.cluster()["nodes"]} == {"h1", "h2"}
    assert anna.cluster()["id"] == bert.cluster()["id"]


def test_the_newcomer_said_what_to_do_to_let_it_in(machines: tuple[Machine, ...]) -> None:
    asking = [each for each in machines if "corral cluster approve" in each.output()]
    assert len(asking) == 1
    assert f"corral cluster approve {asking[0].name}\n" in asking[0].output()
    assert "wants to join corral, with the code " in asking[0].output()


def test_one_key_opens_both_front_doors(machines: tuple[Machine, ...]) -> None:
    anna, _ = machines
    key = anna.ask("POST", "/v0/api-keys", {"name": "laptop", "scopes": ["api"]}).json()["key"]
    for machine in machines:
        answer = machine.ask("POST", "/v1/chat/completions", CHAT, key=key)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]
        assert answer.headers["x-corral-node"] == "h2"
    other = anna.ask("POST", "/v1/chat/completions", CHAT, key=key, host=anna.lan.address("h2"))
    assert other.status_code == 200


def test_the_models_of_both_are_listed_at_each(machines: tuple[Machine, ...]) -> None:
    for machine in machines:
        listed = machine.ask("GET", "/v1/models").json()["data"]
        assert {each["id"]: each["nodes"] for each in listed} == {MODEL: ["h2"]}


def test_machines_without_corral_use_the_name(machines: tuple[Machine, ...]) -> None:
    anna, _ = machines
    url = anna.cluster()["url"]
    assert url == f"http://corral.local:{PORT}"
    assert '"status":"ok"' in anna.lan.curl("h3", f"{url}/health")


def test_a_revoked_key_is_refused_everywhere_at_once(machines: tuple[Machine, ...]) -> None:
    anna, bert = machines
    made = anna.ask("POST", "/v0/api-keys", {"name": "phone", "scopes": ["api"]}).json()
    assert bert.ask("GET", "/v1/models", key=made["key"]).status_code == 200
    assert bert.ask("DELETE", f"/v0/api-keys/{made['id']}").status_code == 200
    for machine in machines:
        wait_for(partial(_refuses, machine, made["key"]), within_s=2)


def _refuses(machine: Machine, key: str) -> bool:
    return machine.ask("GET", "/v1/models", key=key).status_code == 401


def test_a_paused_machine_works_for_nobody_and_is_not_the_router(machines: tuple[Machine, ...]) -> None:
    anna, bert = machines
    if anna.router() != bert.name:
        anna.corral("cluster", "handover", bert.name)
    wait_for(lambda: one_router(*machines) == bert.name)
    assert "Other machines don't use this one now." in bert.corral("pause")
    wait_for(lambda: one_router(*machines) == anna.name)
    wait_for(lambda: _status(anna, bert) == "draining")
    for machine in machines:
        refused = machine.ask("POST", "/v1/chat/completions", CHAT)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_capable_endpoint")
    assert "`corral resume`" in bert.corral("status")
    assert "may use this one again" in bert.corral("resume")
    wait_for(lambda: _status(anna, bert) == "online")
    for machine in machines:
        assert machine.ask("POST", "/v1/chat/completions", CHAT).status_code == 200


def _status(asked: Machine, of: Machine) -> str | None:
    runtimes = asked.ask("GET", "/v0/runtimes").json().get("runtimes", [])
    return next((each["status"] for each in runtimes if each["name"] == of.name), None)


def test_another_name_is_said_at_once(machines: tuple[Machine, ...]) -> None:
    anna, bert = machines
    anna.corral("cluster", "rename", "farm")
    url = f"http://farm.local:{PORT}"
    wait_for(lambda: {each.cluster()["url"] for each in machines} == {url})
    assert {each["name"] for each in bert.cluster()["nodes"]} == {"h1", "h2"}
    wait_for(lambda: anna.lan.resolve("h3", "farm.local"))
    assert '"status":"ok"' in anna.lan.curl("h3", f"{url}/health")


def test_a_setting_of_the_cluster_counts_on_both(machines: tuple[Machine, ...]) -> None:
    anna, bert = machines
    assert "queue_max is 9 now" in anna.corral("cluster", "set", "queue_max", "9")

    def value(machine: Machine) -> object:
        """What the router says, whoever is asked; and what its own copy says once it is router."""
        listed = machine.ask("GET", "/v0/cluster/settings").json()["settings"]
        return next(each["value"] for each in listed if each["name"] == "queue_max")

    assert {value(anna), value(bert)} == {9}
    other = next(each for each in machines if each.name != anna.router())
    anna.corral("cluster", "handover", other.name)
    wait_for(lambda: one_router(*machines) == other.name)
    assert {value(anna), value(bert)} == {9}


def test_a_server_elsewhere_answers_at_both_whoever_is_router(machines: tuple[Machine, ...]) -> None:
    """An Ollama on a machine without Corral, added at the one that isn't the router."""
    anna, lan = machines[0], machines[0].lan
    lan.popen("h3", [sys.executable, "-m", "tests.fakes.standing", "11434"], cwd=ROOT)
    address = f"{lan.address('h3')}:11434"
    wait_for(lambda: _answers(anna, f"http://{address}/api/version"))
    other = next(each for each in machines if each.name != anna.router())
    added = other.corral("endpoints", "add", address, "--name", "ollama")
    assert "ollama is added: ollama, 1 models: llama3.2:latest" in added
    other.corral("aliases", "add", "house", "llama3.2")
    for machine in machines:
        assert [_said(machine, model) for model in ("llama3.2", "house")] == ["Hello, world!"] * 2
    anna.corral("cluster", "handover", other.name)
    wait_for(lambda: one_router(*machines) == other.name)
    for machine in machines:
        assert [_said(machine, model) for model in ("llama3.2", "house")] == ["Hello, world!"] * 2
    wait_for(lambda: anna.ask("GET", "/v0/endpoints").json()["endpoints"][0]["status"] == "online")
    own = f"http://{lan.address(other.name)}:{PORT}/v1"
    assert (
        "leads back to this cluster"
        in anna.ask("POST", "/v0/endpoints", {"name": "me", "base_url": own}).text
    )


def _said(machine: Machine, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = machine.ask("POST", "/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def _answers(machine: Machine, url: str) -> bool:
    try:
        return machine.inside(lambda: httpx.get(url, timeout=5, trust_env=False).status_code) == 200
    except httpx.TransportError:
        return False


def test_a_runtime_that_registered_stays_when_another_machine_is_the_router(
    machines: tuple[Machine, ...],
) -> None:
    anna, bert = machines
    lan = anna.lan
    key = anna.ask("POST", "/v0/api-keys", {"name": "runtime", "scopes": ["runtime"]}).json()["key"]
    script = ["--router", f"http://{lan.address('h1')}:{PORT}", "--key", key, "--name", "carl"]
    script += ["--server", f"http://{lan.address('h3')}:8080", "--interval", "0.3"]
    lan.popen("h3", [sys.executable, "-m", "tests.cluster.small_server", "8080"], dict(os.environ), cwd=ROOT)
    lan.popen("h3", [sys.executable, "examples/register_runtime.py", *script], dict(os.environ), cwd=ROOT)
    wait_for(lambda: all(_runtime(each).get("status") == "online" for each in machines))
    before = _runtime(anna)
    for machine in machines:
        _answers_and_tells_its_log(machine, before["id"])
        for each in machines:  # over the peer port, unless it is the router's own
            shown = machine.ask("GET", f"/v0/runtimes/{_machine_id(machine, each)}/logs?tail=3").json()
            assert shown["total"] == 3
    other = next(each for each in machines if each.name != anna.router())
    anna.corral("cluster", "handover", other.name)
    wait_for(lambda: one_router(*machines) == other.name)
    wait_for(lambda: _runtime(other).get("status") == "online" and _runtime(other)["heard_at"] is not None)
    after = _runtime(bert)
    assert (after["id"], after["registered_at"]) == (before["id"], before["registered_at"])  # the same token
    _answers_and_tells_its_log(anna, before["id"])


def _runtime(machine: Machine) -> dict[str, Any]:
    runtimes = machine.ask("GET", "/v0/runtimes").json().get("runtimes", [])
    return next((each for each in runtimes if each["kind"] == "runtime"), {})


def _machine_id(machine: Machine, of: Machine) -> str:
    runtimes = machine.ask("GET", "/v0/runtimes").json()["runtimes"]
    return next(str(each["id"]) for each in runtimes if each["name"] == of.name)


def _answers_and_tells_its_log(machine: Machine, id: str) -> None:
    answer = machine.ask("POST", "/v1/chat/completions", {**CHAT, "model": "small"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Here I am."
    assert answer.headers["x-corral-node"] == "carl"
    log = machine.ask("GET", f"/v0/runtimes/{id}/logs").json()
    assert log == {"entries": [{"message": "all is well"}], "total": 1}
