"""API keys over HTTP: made, listed, revoked, and what they open."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from corral.app.setting_kinds import API_KEY as LOOKS_LIKE_A_KEY
from tests.app.api.serving import ADMIN_KEY, NOW, serving

PATH = "/v0/api-keys"
PHONE = {"name": "phone", "scopes": ["api"]}


async def test_a_new_key_works_until_it_is_revoked(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        made = await admin.post(PATH, json=PHONE)
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        key = made.json()
        assert LOOKS_LIKE_A_KEY.fullmatch(key["key"]) and key["key"].startswith(key["key_prefix"])
        async with node.http(key["key"]) as phone:
            assert (await phone.get("/v1/models")).status_code == 200
            assert (await phone.get(PATH)).status_code == 403
            assert (await admin.delete(f"{PATH}/{key['id']}")).json() == {"revoked": True}
            assert (await phone.get("/v1/models")).status_code == 401
        again = await admin.delete(f"{PATH}/{key['id']}")
        assert (again.status_code, again.json()["error"]["code"]) == (404, "api_key_not_found")


async def test_the_list_names_no_key_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        made = (await admin.post(PATH, json={**PHONE, "expires_at": "2099-01-31T13:00:00+01:00"})).json()
        answer = await admin.get(PATH)
        listed = {each["id"]: each for each in answer.json()["api_keys"]}
    assert answer.json()["total"] == len(listed) == 5
    assert made.pop("key") not in answer.text
    assert listed[made["id"]] == made
    assert made["created_at"] == "2023-11-14T22:13:20.000Z"
    assert made["expires_at"] == "2099-01-31T12:00:00.000Z"
    assert (made["scopes"], made["revoked_at"]) == (["api"], None)


async def shown(admin: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    """A key as the list has it."""
    keys: list[dict[str, Any]] = (await admin.get(PATH)).json()["api_keys"]
    return next(key for key in keys if key["id"] == made["id"])


LIMITS = {"requests_per_minute": 2, "requests_per_day": None, "tokens_per_minute": 9, "tokens_per_day": 50}


async def test_limits_are_kept_and_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        made = (await admin.post(PATH, json={**PHONE, **LIMITS})).json()
        listed = await shown(admin, made)
    assert {name: made[name] for name in LIMITS} == {name: listed[name] for name in LIMITS} == LIMITS


async def test_a_key_is_changed_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        made = (await admin.post(PATH, json={**PHONE, **LIMITS, "expires_at": "2099-01-31T13:00:00Z"})).json()
        path = f"{PATH}/{made['id']}"
        async with node.http(made.pop("key")) as phone:
            assert (await phone.get(PATH)).status_code == 403
            wishes = {"scopes": ["api", "admin"], "expires_at": None, "tokens_per_day": 7}
            changed = await admin.put(path, json=wishes)
            assert (await phone.get(PATH)).status_code == 200
            changed_back = await admin.put(path, json={"name": "old phone", "scopes": ["api"]})
            assert (await phone.get(PATH)).status_code == 403
            unchanged = await admin.put(path, json={})
            assert (await admin.delete(path)).status_code == 200
            assert (await phone.get("/v1/models")).status_code == 401
        gone = await admin.put(path, json={"scopes": ["api"]})
        async with node.http(ADMIN_KEY) as again:
            audit = (await again.get("/v0/audit")).json()["entries"]
    used_at = made["created_at"]
    assert changed.json() == {**made, **wishes, "scopes": ["admin", "api"], "last_used_at": used_at}
    assert changed_back.json()["name"] == "old phone"
    assert unchanged.json() == changed_back.json()
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "api_key_not_found")
    details = [entry["details"] for entry in audit if entry["action"] == "Change an API key"]
    assert {"changed": "expires_at, scopes, tokens_per_day"} in details
    assert all(entry["details"]["name"] for entry in audit if entry["action"] == "Make an API key")


async def test_the_last_use_is_shown(tmp_path: Path) -> None:
    now = NOW
    async with serving(tmp_path, now=lambda: now) as node, node.http(ADMIN_KEY) as admin:
        made = (await admin.post(PATH, json={**PHONE, "expires_at": "2023-11-15T00:00:00Z"})).json()
        assert made["last_used_at"] is None
        async with node.http(made["key"]) as phone:
            now += 60
            await phone.get("/v1/models")
            now += 86_400
            assert (await phone.get("/v1/models")).status_code == 401  # expired: that is no use
        listed = await shown(admin, made)
    assert listed["last_used_at"] == "2023-11-14T22:14:20.000Z"


async def test_an_expired_key_is_refused(tmp_path: Path) -> None:
    now = NOW
    async with serving(tmp_path, now=lambda: now) as node, node.http(ADMIN_KEY) as admin:
        made = await admin.post(PATH, json={**PHONE, "expires_at": "2023-11-15T00:00:00Z"})
        async with node.http(made.json()["key"]) as phone:
            assert (await phone.get("/v1/models")).status_code == 200
            now += 86_400
            expired = await phone.get("/v1/models")
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "expired_api_key")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"scopes": ["api"]}, "name", "missing_field"),
        ({"name": "phone"}, "scopes", "missing_field"),
        ({**PHONE, "name": ""}, "name", "invalid_value"),
        ({**PHONE, "scopes": []}, "scopes", "invalid_value"),
        ({**PHONE, "scopes": ["root"]}, "scopes.0", "invalid_value"),
        ({**PHONE, "expires_at": "tomorrow"}, "expires_at", "invalid_value"),
        ({**PHONE, "expires_at": "2001-01-01T00:00:00Z"}, "expires_at", "invalid_value"),
        ({**PHONE, "owner": "me"}, "owner", "invalid_value"),
        ({**PHONE, "requests_per_minute": 0}, "requests_per_minute", "invalid_value"),
        ({**PHONE, "tokens_per_day": "many"}, "tokens_per_day", "invalid_value"),
        ({**PHONE, "tokens_per_day": 2**63}, "tokens_per_day", "invalid_value"),
    ],
)
async def test_wrong_wishes_name_the_field(
    tmp_path: Path, body: dict[str, object], param: str, code: str
) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        answer = await admin.post(PATH, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"requests_per_day": -1}, "requests_per_day"),
        ({"key": "sk_mine"}, "key"),
    ],
)
async def test_wrong_changes_name_the_field(tmp_path: Path, body: dict[str, object], param: str) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        key = (await admin.get(PATH)).json()["api_keys"][0]
        answer = await admin.put(f"{PATH}/{key['id']}", json=body)
        unchanged = (await admin.get(PATH)).json()["api_keys"][0]
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert unchanged == key


async def test_keys_need_the_scope(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http() as client:
        assert (await client.get(PATH)).status_code == 403
        assert (await client.post(PATH, json=PHONE)).status_code == 403
        assert (await client.put(f"{PATH}/x", json={})).status_code == 403
        assert (await client.delete(f"{PATH}/x")).status_code == 403
