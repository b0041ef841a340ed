"""The settings of one machine over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from corral.app.setting_groups import GROUP_OF, GROUPS
from corral.app.settings_table import TABLE
from tests.app.api.serving import ADMIN_KEY, serving

PATH = "/v0/settings"
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}
SECRET = "correct horse battery staple, and more of it"


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60)


async def setting(http: httpx.AsyncClient, name: str) -> dict[str, Any]:
    found = {each["name"]: each for each in (await http.get(PATH)).json()["settings"]}
    return dict(found[name])


def test_every_setting_is_in_one_group() -> None:
    assert sorted(GROUP_OF) == sorted(row.name for row in TABLE)
    assert sum(map(len, GROUPS.values())) == len(TABLE)


async def test_the_table_says_what_is_in_force_and_whence(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('log_level = "debug"\n')
    async with serving(tmp_path, settings={"queue_max": 9}) as node, client(node.url) as http:
        listed = (await http.get(PATH)).json()
        assert listed["total"] == len(TABLE) == len(listed["settings"])
        assert listed["file_error"] is None and listed["restart_needed"] is True
        level = await setting(http, "log_level")
        assert (level["value"], level["next_value"], level["next_source"]) == (
            "info",
            "debug",
            "config.toml",
        )
        assert level["choices"] == ["debug", "info", "warning", "error"] and level["form"] == "choice"
        assert (await setting(http, "model_idle_timeout_s"))["optional"] is True
        assert (await setting(http, "port"))["high"] == 65535


@pytest.mark.parametrize(
    ("name", "value", "written", "next_value"),
    [
        ("port", 8080, "port = 8080\n", 8080),
        ("port", "8080", "port = 8080\n", 8080),
        ("metrics", False, "metrics = false\n", False),
        ("keep_alive_s", 3, "keep_alive_s = 3.0\n", 3.0),
        ("max_memory_bytes", "8GB", 'max_memory_bytes = "8GB"\n', 8_000_000_000),
        ("model_idle_timeout_s", "none", 'model_idle_timeout_s = "none"\n', None),
        (
            "cors_origins",
            ["https://a", "https://b"],
            'cors_origins = ["https://a", "https://b"]\n',
            ["https://a", "https://b"],
        ),
        ("node-name", "desk", 'node_name = "desk"\n', "desk"),
    ],
)
async def test_a_change_stands_in_the_file_and_waits_for_a_restart(
    tmp_path: Path, name: str, value: object, written: str, next_value: object
) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        changed = (await http.put(f"{PATH}/{name}", json={"value": value})).json()
        assert (tmp_path / "config.toml").read_text() == written
        assert (changed["next_value"], changed["next_source"]) == (next_value, "config.toml")
        assert changed["source"] == "default" and changed["restart_needed"] is True
        back = (await http.put(f"{PATH}/{name}", json={"value": None})).json()
        assert back["restart_needed"] is False and (tmp_path / "config.toml").read_text() == ""


async def test_what_the_cluster_sets_is_in_force_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        await http.put(f"{PATH}/queue_max", json={"value": 5})
        await http.put("/v0/cluster/settings/queue_max", json={"value": 7})
        both = await setting(http, "queue_max")
        assert (both["value"], both["source"], both["restart_needed"]) == (7, "cluster", False)


async def test_a_secret_goes_in_and_never_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        answer = await http.put(f"{PATH}/session_secret", json={"value": SECRET})
        assert answer.json()["restart_needed"] is True
        listed, audit = await http.get(PATH), await http.get("/v0/audit")
        assert SECRET not in answer.text + listed.text + audit.text
        assert SECRET in (tmp_path / "config.toml").read_text()
        assert (tmp_path / "config.toml").stat().st_mode & 0o777 == 0o600


async def test_changes_are_in_the_audit_log(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        await http.put(f"{PATH}/port", json={"value": 8080})
        await http.put("/v0/cluster/settings/queue_max", json={"value": 7})
        entries = (await http.get("/v0/audit")).json()["entries"]
        told = [
            (each["action"], each["details"]["setting"], each["details"]["value"]) for each in entries[:2]
        ]
        assert sorted(told) == [
            ("Change a setting of the cluster", "queue_max", "7"),
            ("Change a setting of this machine", "port", "8080"),
        ]


@pytest.mark.parametrize(
    ("name", "value", "status", "code", "says"),
    [
        ("prot", 80, 404, "setting_not_found", "did you mean 'port'?"),
        ("port", "many", 400, "invalid_value", "a whole number from 0 to 65535"),
        ("port", 70000, 400, "invalid_value", "a whole number from 0 to 65535"),
        ("data_dir", "/x", 400, "invalid_value", "CORRAL_DATA_DIR"),
        ("session_secret", "short", 400, "invalid_value", "at least 32 characters"),
    ],
)
async def test_a_value_that_cant_be_is_refused(
    tmp_path: Path, name: str, value: object, status: int, code: str, says: str
) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        answer = await http.put(f"{PATH}/{name}", json={"value": value})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert says in error["message"] and not (tmp_path / "config.toml").exists()


async def test_a_broken_file_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("port = \n")
    async with serving(tmp_path) as node, client(node.url) as http:
        listed = (await http.get(PATH)).json()
        assert "config.toml" in listed["file_error"] and str(tmp_path) not in listed["file_error"]
        refused = await http.put(f"{PATH}/port", json={"value": 1})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "settings_file_unusable")
        assert str(tmp_path) not in refused.text
        assert (await http.post("/v0/node/restart")).status_code == 409
        assert node.restarts == 0 and (tmp_path / "config.toml").read_text() == "port = \n"


async def test_a_restart_is_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, client(node.url) as http:
        assert (await http.post("/v0/node/restart")).json() == {"restarting": True}
        assert node.restarts == 1
