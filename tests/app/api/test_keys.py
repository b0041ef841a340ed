"""API keys over HTTP: made, listed, revoked, and what they open."""

from pathlib import Path

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
    ],
)
async def test_wrong_wishes_name_the_field(
    tmp_path: Path, body: dict[str, object], param: str, code: str
) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        answer = await admin.post(PATH, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


async def test_keys_need_the_scope(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http() as client:
        assert (await client.get(PATH)).status_code == 403
        assert (await client.post(PATH, json=PHONE)).status_code == 403
        assert (await client.delete(f"{PATH}/x")).status_code == 403
