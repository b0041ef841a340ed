"""Choosing over HTTP whether a machine should be the router."""

from pathlib import Path

import httpx
import pytest

from tests.app.api.serving import ADMIN_KEY, serving

PATH = "/v0/cluster"
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}


async def test_a_choice_is_shown_until_it_is_taken_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        (machine,) = (await http.get(PATH)).json()["nodes"]
        assert machine["router_choice"] is None
        for choice in ("prefer", "never", "auto", None):
            changed = (await http.put(f"{PATH}/nodes/{machine['id']}", json={"router": choice})).json()
            assert (changed["id"], changed["router_choice"]) == (machine["id"], choice)
            assert (await http.get(PATH)).json()["nodes"] == [changed]


@pytest.mark.parametrize(
    ("node_id", "body", "status", "code"),
    [
        (None, {"router": "always"}, 400, "invalid_value"),
        (None, {}, 400, "missing_field"),
        ("nobody", {"router": "prefer"}, 404, "node_not_found"),
    ],
)
async def test_what_is_wrong_is_refused(
    tmp_path: Path, node_id: str | None, body: dict[str, str], status: int, code: str
) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        id = node_id or (await http.get(PATH)).json()["node"]["id"]
        answer = await http.put(f"{PATH}/nodes/{id}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
