"""Pausing a machine over HTTP."""

from pathlib import Path

import httpx
import pytest

from tests.app.api.serving import ADMIN_KEY, serving

HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}


async def test_a_machine_is_paused_and_resumed(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        machine = (await http.get("/v0/cluster")).json()["node"]
        for paused in (True, False):
            answer = await http.put(f"/v0/cluster/nodes/{machine['id']}/sharing", json={"paused": paused})
            assert answer.json() == {
                "node": {"id": machine["id"], "name": machine["name"]},
                "paused": paused,
            }
        newest = (await http.get("/v0/audit")).json()["entries"][:2]
        assert {each["action"] for each in newest} == {"Pause or resume a machine's work for the others"}
        assert {each["details"]["paused"] for each in newest} == {"true", "false"}


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        (None, {}, 400, "missing_field"),
        (None, {"paused": "yes"}, 400, "invalid_value"),
        ("nobody", {"paused": True}, 404, "node_not_found"),
    ],
)
async def test_what_is_wrong_is_refused(
    tmp_path: Path, name: str | None, body: dict[str, object], status: int, code: str
) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url, headers=HEADERS) as http:
        id = name or (await http.get("/v0/cluster")).json()["node"]["id"]
        answer = await http.put(f"/v0/cluster/nodes/{id}/sharing", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
