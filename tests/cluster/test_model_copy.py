"""Two real nodes: a model is copied from one to the other by a command, and both serve it."""

import filecmp
from pathlib import Path

from tests.cluster.lan import Lan
from tests.cluster.machine import Machine, pair, wait_for

MODEL = "smollm2-135m-instruct"


def test_a_model_is_pulled_from_another_machine(tmp_path: Path, starter_model: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / starter_model.name).symlink_to(starter_model)
    with Lan(2) as lan:
        anna = Machine(lan, "h1", tmp_path / "anna")
        anna.wait_until_ready()
        bert = Machine(lan, "h2", tmp_path / "bert", models=models)
        try:
            bert.wait_until_ready()
            pair(anna, bert)
            wait_for(lambda: "h2" in nodes_of(anna), what=lambda: "the model to be heard of")
            wait_for(lambda: summed(bert), what=lambda: "the model to be summed")
            assert f"{MODEL} is on h1 now." in bert.corral("pull", MODEL, "--to", "h1", "--wait")
            assert filecmp.cmp(anna.home / "models" / starter_model.name, starter_model, shallow=False)
            wait_for(lambda: nodes_of(bert) == ["h1", "h2"], what=lambda: "both to have it")
            copies = anna.ask("GET", "/v0/models/copies").json()["copies"]
            assert [(each["model"], each["state"], each["node"]["name"]) for each in copies] == [
                (MODEL, "done", "h1")
            ]
        finally:
            anna.close()
            bert.close()


def nodes_of(machine: Machine) -> list[str]:
    """Who has the model."""
    found = [each for each in machine.ask("GET", "/v1/models").json()["data"] if each["id"] == MODEL]
    return list(found[0]["nodes"]) if found else []


def summed(machine: Machine) -> bool:
    """Whether its checksums are kept already."""
    return (machine.home / "models.sums.json").exists()
