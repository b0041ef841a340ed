"""Where models are, and loading by name, over HTTP; `tests/app/placing` has what happens between machines."""

from pathlib import Path

import pytest

from tests.app.api.serving import ADMIN_KEY, NODE, serving
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until
from tests.fakes.openai_server import openai_server


async def test_a_model_of_this_machine_and_of_a_server_elsewhere(tmp_path: Path) -> None:
    write_echo(tmp_path, "parrot")
    async with (
        openai_server(models=["Parrot", "gpt-oss-20b"]) as elsewhere,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
    ):
        await http.post("/v0/endpoints", json={"name": "upstairs", "base_url": elsewhere.base_url})
        answer = (await http.get("/v0/models/places")).json()
        assert [each["id"] for each in answer["models"]] == ["gpt-oss-20b", "parrot"]
        assert answer["total"] == 2
        places = answer["models"][1]["places"]
        assert [(each["kind"], each["name"], each["state"]) for each in places] == [
            ("machine", NODE, "on_disk"),
            ("endpoint", "upstairs", "listed"),
        ]
        assert places[1]["model"] == "Parrot" and places[1]["online"]


async def test_loaded_shown_to_who_watches_and_unloaded(tmp_path: Path) -> None:
    write_echo(tmp_path, "parrot")
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        asked = {"model": "parrot", "node": NODE}
        answer = await http.post("/v0/models/load", json=asked)
        assert (answer.status_code, answer.json()["done"]) == (202, True)
        (machine,) = node.watch.snapshot(everything=True)["places"]
        assert (machine["name"], machine["known"], machine["online"]) == (NODE, 1, True)
        assert [(each["model"], each["state"]) for each in machine["models"]] == [("parrot", "loaded")]
        assert (await http.post("/v0/models/unload", json=asked)).json()["node"]["name"] == NODE
        (machine,) = node.watch.snapshot(everything=True)["places"]
        assert machine["models"] == []


async def test_one_that_takes_its_time_can_be_stopped(tmp_path: Path) -> None:
    write_echo(tmp_path, "owl", load_seconds=60.0)
    async with serving(tmp_path, load_patience_s=0.0) as node, node.http(ADMIN_KEY) as http:
        asked = {"model": "owl", "node": NODE}
        assert not (await http.post("/v0/models/load", json=asked)).json()["done"]

        def state() -> str:
            (model,) = node.pool.models()
            return model.lifecycle.value

        await until(lambda: state() == "loading", "it to load")
        await http.post("/v0/models/unload", json=asked)
        await until(lambda: state() == "on_disk", "it to stop loading")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "owl", "node": NODE}, 404, "model_not_found"),
        ({"model": "parrot", "node": "nobody"}, 404, "node_not_found"),
        ({"model": "parrot"}, 400, "missing_field"),
    ],
)
async def test_refusals(tmp_path: Path, body: dict[str, str], status: int, code: str) -> None:
    write_echo(tmp_path, "parrot")
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        for path in ("/v0/models/load", "/v0/models/unload"):
            answer = await http.post(path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
