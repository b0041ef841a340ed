"""Users, sessions and invitations over HTTP."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from corral.app.gateway.principal import Role
from tests.app.api.serving import ADMIN, PASSWORD, VIEWER, Serving, serving
from tests.engines.echo_files import write_echo

LOGIN, ME, USERS, INVITATIONS = "/v0/auth/login", "/v0/auth/me", "/v0/users", "/v0/invitations"
CHAT = "/v1/chat/completions"
BOB = {"username": "Bob", "password": "bobs password", "role": "viewer"}


async def login(http: httpx.AsyncClient, username: str = ADMIN, password: str = PASSWORD) -> httpx.Response:
    return await http.post(LOGIN, json={"username": username, "password": password})


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def code_of(answer: httpx.Response) -> Any:
    return answer.json()["error"]["code"]


async def id_of(node: Serving, username: str) -> str:
    user = node.people.users.named(username)
    assert user is not None
    return user.id


async def test_signing_in_and_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        answer = await login(http, "ADA")
        signed_in = answer.json()
        assert (answer.status_code, signed_in["expires_in"], answer.headers["cache-control"]) == (
            200,
            86_400,
            "no-store",
        )
        assert signed_in["user"] == {"id": await id_of(node, ADMIN), "username": ADMIN, "role": "admin"}
        http.cookies.clear()
        headers = bearer(signed_in["token"])
        me = (await http.get(ME, headers=headers)).json()
        assert (me["user"], me["csrf_token"]) == (signed_in["user"], signed_in["csrf_token"])
        assert (await http.post("/v0/auth/logout", headers=headers)).json() == {"signed_out": True}
        again = await http.get(ME, headers=headers)
        assert (again.status_code, code_of(again)) == (401, "invalid_token")


async def test_the_cookie_needs_its_csrf_token_for_writes(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        answer = await login(http)
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert (await http.get(USERS)).status_code == 200  # the client sends its cookie
        refused = await http.post(USERS, json=BOB)
        assert (refused.status_code, code_of(refused)) == (403, "csrf_token_missing")
        made = await http.post(USERS, json=BOB, headers={"x-csrf-token": answer.json()["csrf_token"]})
        assert made.status_code == 201
        out = await http.post("/v0/auth/logout", headers={"x-csrf-token": answer.json()["csrf_token"]})
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await http.get(USERS)).status_code == 401


@pytest.mark.parametrize("username", [ADMIN, VIEWER])
async def test_the_cookie_opens_models_too(tmp_path: Path, username: str) -> None:
    """What the playground does: it needs no key, and the history says who asked."""
    write_echo(tmp_path)
    question = {"model": "parrot", "messages": [{"role": "user", "content": "a sheep"}]}
    async with serving(tmp_path) as node, node.http(None) as http:
        signed_in = (await login(http, username)).json()
        assert (await http.get("/v1/models")).status_code == 200
        refused = await http.post(CHAT, json=question)
        assert (refused.status_code, code_of(refused)) == (403, "csrf_token_missing")
        answer = await http.post(CHAT, json=question, headers={"x-csrf-token": signed_in["csrf_token"]})
        assert answer.json()["choices"][0]["message"]["content"] == "a sheep"
        record = node.log.records[-1]
        assert record.client.principal is not None
        assert (record.status, record.client.principal.name) == (200, username)


async def test_the_cookie_opens_nothing_at_a_name_that_is_not_ours(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        await login(http)
        refused = await http.get("/v1/models", headers={"host": "evil.example"})
        assert (refused.status_code, code_of(refused)) == (403, "host_not_allowed")


@pytest.mark.parametrize(("username", "password"), [(ADMIN, "wrong"), ("nobody", PASSWORD), ("\x00", "x")])
async def test_wrong_credentials_look_the_same(tmp_path: Path, username: str, password: str) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        answer = await login(http, username, password)
    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "message": "the username or the password is wrong",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_credentials",
    }


async def test_too_many_failures_are_refused_for_a_while(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        statuses = [(await login(http, password="wrong")).status_code for _ in range(10)]
        refused = await login(http)
    assert statuses == [401] * 10
    assert (refused.status_code, code_of(refused)) == (429, "too_many_logins")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_users_are_made_changed_and_removed(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        http.headers.update(bearer(node.token(ADMIN)))
        made = await http.post(USERS, json=BOB)
        bob = made.json()
        assert (made.status_code, bob["username"], bob["role"], bob["last_login_at"]) == (
            201,
            "Bob",
            "viewer",
            None,
        )
        assert [user["username"] for user in (await http.get(USERS)).json()["users"]] == [
            ADMIN,
            VIEWER,
            "Bob",
        ]
        token = (await login(http, "bob", BOB["password"])).json()["token"]
        http.cookies.clear()
        assert (await http.get(ME, headers=bearer(token))).status_code == 200
        renamed = await http.put(f"{USERS}/{bob['id']}", json={"username": "Robert"})
        assert renamed.json()["username"] == "Robert"
        assert (await http.get(ME, headers=bearer(token))).json()["user"]["username"] == "Robert"
        await http.put(f"{USERS}/{bob['id']}", json={"role": "admin"})
        assert (await http.get(ME, headers=bearer(token))).status_code == 401  # another role: sign in again
        assert (await http.delete(f"{USERS}/{bob['id']}")).json() == {"deleted": True}
        assert (await login(http, "Robert", BOB["password"])).status_code == 401
        gone = await http.delete(f"{USERS}/{bob['id']}")
        assert (gone.status_code, code_of(gone)) == (404, "user_not_found")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({**BOB, "username": "ADA"}, "username", "duplicate_name"),
        ({**BOB, "username": " bob"}, "username", "invalid_value"),
        ({**BOB, "username": "b\nb"}, "username", "invalid_value"),
        ({**BOB, "username": ""}, "username", "invalid_value"),
        ({**BOB, "password": "short"}, "password", "invalid_value"),
        ({**BOB, "role": "root"}, "role", "invalid_value"),
        ({**BOB, "groups": []}, "groups", "invalid_value"),
        ({"username": "bob"}, "password", "missing_field"),
    ],
)
async def test_wrong_wishes_name_the_field(
    tmp_path: Path, body: dict[str, object], param: str, code: str
) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        answer = await http.post(USERS, json=body, headers=bearer(node.token(ADMIN)))
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
    assert "short" not in error["message"] and "bobs password" not in error["message"]


async def test_the_last_administrator_stays(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        http.headers.update(bearer(node.token(ADMIN)))
        ada, vi = await id_of(node, ADMIN), await id_of(node, VIEWER)
        for answer in (
            await http.delete(f"{USERS}/{ada}"),
            await http.put(f"{USERS}/{ada}", json={"role": "viewer"}),
        ):
            assert (answer.status_code, code_of(answer)) == (400, "last_admin")
        await http.put(f"{USERS}/{vi}", json={"role": "admin"})
        both = await asyncio.gather(
            http.put(f"{USERS}/{ada}", json={"role": "viewer"}),
            http.put(f"{USERS}/{vi}", json={"role": "viewer"}),
        )
        statuses = sorted(answer.status_code for answer in both)
        assert statuses[0] == 200 and statuses[1] in (400, 401, 403)
        assert [user.role for user in node.people.users.all()].count(Role.ADMIN) == 1


async def test_a_changed_password_ends_other_sessions(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        here, elsewhere = node.token(VIEWER), node.token(VIEWER)
        wrong = await http.put(
            "/v0/auth/password",
            json={"current_password": "x", "new_password": "new password"},
            headers=bearer(here),
        )
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (401, "current_password")
        changed = await http.put(
            "/v0/auth/password",
            json={"current_password": PASSWORD, "new_password": "new password"},
            headers=bearer(here),
        )
        http.cookies.clear()
        assert (await http.get(ME, headers=bearer(elsewhere))).status_code == 401
        assert (await http.get(ME, headers=bearer(changed.json()["token"]))).status_code == 200
        assert (await login(http, VIEWER)).status_code == 401
        assert (await login(http, VIEWER, "new password")).status_code == 200


async def test_an_invitation_makes_one_viewer(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        admin = bearer(node.token(ADMIN))
        made = (await http.post(INVITATIONS, headers=admin)).json()
        assert made["code"].startswith("inv_") and made["created_by"] == ADMIN
        registration = {"code": made["code"], "username": "Eve", "password": "eves password"}
        taken = await http.post("/v0/auth/register", json={**registration, "username": "vi"})
        assert (taken.status_code, code_of(taken)) == (400, "duplicate_name")
        both = await asyncio.gather(
            *(
                http.post("/v0/auth/register", json={**registration, "username": name})
                for name in ("Eve", "Mallory")
            )
        )
        assert sorted(answer.status_code for answer in both) == [201, 400]
        new = next(answer.json() for answer in both if answer.status_code == 201)
        http.cookies.clear()
        assert new["user"]["role"] == "viewer"
        assert (await http.get(ME, headers=bearer(new["token"]))).status_code == 200
        listed = await http.get(INVITATIONS, headers=admin)
        assert listed.json()["invitations"][0]["used_by"] == new["user"]["id"]
        assert made["code"] not in listed.text
        again = await http.post("/v0/auth/register", json={**registration, "username": "Oscar"})
        assert (again.status_code, code_of(again)) == (400, "invalid_invitation")


async def test_invitations_end(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    async with serving(tmp_path, now=lambda: now) as node, node.http(None) as http:
        admin = bearer(node.token(ADMIN))
        first = (await http.post(INVITATIONS, headers=admin)).json()
        second = (await http.post(INVITATIONS, headers=admin)).json()
        assert (await http.delete(f"{INVITATIONS}/{first['id']}", headers=admin)).json() == {"deleted": True}
        assert (await http.delete(f"{INVITATIONS}/{first['id']}", headers=admin)).status_code == 404
        now += 72 * 3600
        for code in (first["code"], second["code"], "inv_x"):
            registration = {"code": code, "username": "Eve", "password": "eves password"}
            assert (await http.post("/v0/auth/register", json=registration)).status_code == 400


async def test_every_management_write_is_in_the_audit_log(tmp_path: Path) -> None:
    ticks = itertools.count(1_700_000_000)
    async with serving(tmp_path, now=lambda: next(ticks)) as node, node.http(None) as http:
        admin = bearer(node.token(ADMIN))
        await login(http, VIEWER, "wrong password")
        http.cookies.clear()
        await http.post(USERS, json=BOB, headers=admin)
        await http.post(USERS, json=BOB, headers=bearer(node.token(VIEWER)))
        await http.get(USERS, headers=admin)
        answer = await http.get("/v0/audit?limit=2", headers=admin)
        entries = answer.json()["entries"]
        older = (await http.get(f"/v0/audit?before={entries[-1]['id']}", headers=admin)).json()["entries"]
    assert answer.json()["total"] == 3
    assert [
        (e["action"], e["status"], e["who"] and e["who"]["name"], e["details"]) for e in (*entries, *older)
    ] == [
        ("Make a user", 403, VIEWER, {}),
        ("Make a user", 201, ADMIN, {"username": "Bob"}),
        ("Sign in", 401, None, {"username": VIEWER}),
    ]
    assert "password" not in answer.text
