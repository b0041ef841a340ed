"""Settings of the whole cluster over HTTP."""

from pathlib import Path

import httpx
import pytest

from tests.app.api.serving import ADMIN_KEY, serving

PATH = "/v0/cluster/settings"
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}


async def test_a_setting_is_changed_and_taken_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        listed = {each["name"]: each for each in (await http.get(PATH)).json()["settings"]}
        assert listed["queue_max"]["source"] == "default"
        changed = (await http.put(f"{PATH}/queue_max", json={"value": 7})).json()
        assert (changed["value"], changed["source"]) == (7, "cluster")
        back = (await http.put(f"{PATH}/queue_max", json={"value": None})).json()
        assert (back["value"], back["source"]) == (listed["queue_max"]["value"], "default")


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [
        ("port", 80, 404, "setting_not_found"),
        ("nothing", 1, 404, "setting_not_found"),
        ("queue_max", "many", 400, "invalid_value"),
        ("queue_max", 0, 400, "invalid_value"),
        ("history", "some", 400, "invalid_value"),
    ],
)
async def test_what_cant_be_set_is_told(
    tmp_path: Path, name: str, value: object, status: int, code: str
) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        answer = await http.put(f"{PATH}/{name}", json={"value": value})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
