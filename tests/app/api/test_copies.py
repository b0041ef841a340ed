"""Copying models over HTTP, on a machine that is on its own; `tests/app/model_copy` has what happens between machines."""

from pathlib import Path

import pytest

from tests.app.api.serving import ADMIN_KEY, NODE, serving
from tests.engines.echo_files import write_echo


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "parrot", "to": "nobody"}, 404, "node_not_found"),
        ({"model": "huge", "to": NODE}, 404, "model_not_found"),
        ({"model": "parrot", "to": NODE}, 409, "not_possible_now"),
        ({"model": "parrot"}, 400, "missing_field"),
        ({"model": "parrot", "to": NODE, "from": "x"}, 400, "invalid_value"),
        ({"model": "", "to": NODE}, 400, "invalid_value"),
    ],
)
async def test_refusals(tmp_path: Path, body: dict[str, str], status: int, code: str) -> None:
    write_echo(tmp_path, "parrot")
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        answer = await http.post("/v0/models/copy", json=body)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["code"] == code and error["message"]


async def test_there_are_no_copies(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        assert (await http.get("/v0/models/copies")).json() == {"copies": [], "total": 0}
        answer = await http.delete("/v0/models/copies/nothing")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "copy_not_found")
