"""Signing in with a token of this machine."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from corral.app.api.call import Call
from corral.app.api.one_time_routes import OneTimeRoutes
from corral.app.api.request_errors import InvalidOneTimeToken
from corral.app.gateway.endpoint import Client
from tests.app.api.serving import ADMIN, NOW, serving

ONE_TIME, ME = "/v0/auth/one-time", "/v0/auth/me"


async def used(http: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    answer = await http.post(ONE_TIME, json={"token": token}, headers=headers)
    http.cookies.clear()
    return answer


def refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_one_time_token")


async def test_it_signs_in_as_an_administrator_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        token = node.people.one_time.mint()
        answer = await http.post(ONE_TIME, json={"token": token})
        signed_in = answer.json()
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert {"HttpOnly", "SameSite=Strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert signed_in["user"]["username"] == ADMIN and signed_in["user"]["role"] == "admin"
        me = (await http.get(ME)).json()  # with the cookie
        assert (me["user"], me["csrf_token"]) == (signed_in["user"], signed_in["csrf_token"])
        assert refused(await used(http, token))


@pytest.mark.parametrize("token", ["x", "a" * 43, "ä" * 200])
async def test_garbage_signs_nobody_in(tmp_path: Path, token: str) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        node.people.one_time.mint()
        assert refused(await used(http, token))


async def test_it_signs_nobody_in_from_elsewhere(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        people = node.people
        routes = OneTimeRoutes(
            tokens=people.one_time, users=people.users, sessions=people.sessions, now=lambda: NOW
        )
        call = Call(
            method="POST",
            path=ONE_TIME,
            headers={},
            client=Client(address="192.168.1.7"),
            request_id="1",
            json={"token": people.one_time.mint()},
        )
        with pytest.raises(InvalidOneTimeToken):
            await routes.sign_in(call)
        with pytest.raises(InvalidOneTimeToken):
            await routes.mint(call)
        assert (await routes.sign_in(replace(call, from_this_machine=True))).status == 200


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
async def test_it_signs_nobody_in_through_a_proxy(tmp_path: Path, header: str) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        token = node.people.one_time.mint()
        assert refused(await used(http, token, **{header: "192.0.2.7"}))
        assert (await used(http, token)).status_code == 200  # nobody has used it


async def test_other_names_of_the_machine_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        answer = await used(http, node.people.one_time.mint(), host="evil.example")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")


async def test_the_audit_log_has_both_ends(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as http:
        token = node.people.one_time.mint()
        await used(http, token)
        await used(http, token)
        headers = {"authorization": f"Bearer {node.token(ADMIN)}"}
        entries = (await http.get("/v0/audit", headers=headers)).json()["entries"]
        wanted = [each for each in entries if each["path"] == ONE_TIME]
        assert sorted(each["status"] for each in wanted) == [200, 401]
        assert token not in str(entries)
        [good] = [each for each in wanted if each["status"] == 200]
        assert good["details"]["username"] == ADMIN
