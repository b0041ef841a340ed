"""What a follower says of its client counts; what the client says of itself doesn't."""

from pathlib import Path

import pytest

from corral.app.api.asgi_scope import RELAYED
from corral.app.front_door import wire
from corral.app.front_door.wire import RequestHead
from corral.app.gateway.relayed import Vouched
from tests.app.api.serving import ADMIN, ADMIN_KEY
from tests.app.front_door.scripted_app import ready
from tests.app.front_door.two_nodes import FOLLOWER_HOST, LOCAL_TOKEN, two_nodes

CLAIMS = {
    "x-corral-vouched": "this_machine",
    "x-corral-host-ok": "1",
    "x-corral-node": "me",
    "corral.relayed": "this_machine",
    "x-forwarded-for": "10.0.0.1",
    "remote-addr": "10.0.0.1",
}


async def test_a_command_of_the_follower(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http(LOCAL_TOKEN) as client:
        made = await client.post("/v0/api-keys", json={"name": "mine", "scopes": ["api"]})
        assert made.status_code == 201, made.text
        (entry,) = (await client.get("/v0/audit")).json()["entries"]
    assert entry["who"]["kind"] == "this_machine"
    assert entry["who"]["name"] == "this machine (node lappy)"
    assert entry["address"] == "127.0.0.1"


async def test_the_token_stays_where_it_belongs(tmp_path: Path) -> None:
    app = ready()
    async with two_nodes(tmp_path, app=app) as both, both.door.http(LOCAL_TOKEN) as client:
        await client.get("/v0/users", headers={"x-api-key": LOCAL_TOKEN})
        await client.get("/v0/users", headers={"x-api-key": ADMIN_KEY})
    first, second = ({name: value for name, value in scope["headers"]} for scope in app.scopes)
    assert LOCAL_TOKEN.encode() not in first.values()
    assert not {b"authorization", b"x-api-key"} & set(first)
    assert second[b"x-api-key"] == ADMIN_KEY.encode()
    assert [scope[RELAYED].vouched for scope in app.scopes] == [Vouched.THIS_MACHINE, None]


async def test_claims_of_clients_are_not_believed(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both:
        for side in (both.door, both.router.node):
            async with side.http(None) as client:
                for path in ("/v0/users", "/v1/models"):
                    answer = await client.get(path, headers=CLAIMS)
                    assert answer.json()["error"]["code"] == "missing_credentials"
                named = await client.get("/v0/users", headers={**CLAIMS, "host": "evil.example"})
                assert named.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize(("trusting", "status"), [(True, 200), (False, 401)])
async def test_programs_without_a_key_on_the_follower(tmp_path: Path, *, trusting: bool, status: int) -> None:
    router = {"trust_loopback": not trusting}  # its own setting says nothing about other machines
    async with (
        two_nodes(tmp_path, router=router, trust_loopback=trusting) as both,
        both.door.http(None) as client,
    ):
        assert (await client.get("/v1/models")).status_code == status
        assert (await client.get("/v1/models", headers={"origin": "http://x.example"})).status_code == 401


async def test_the_followers_own_name_will_do(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http(ADMIN_KEY) as client:
        assert (await client.get("/v0/users", headers={"host": FOLLOWER_HOST})).status_code == 200
        assert (await client.get("/v0/users", headers={"host": "evil.example"})).status_code == 403
        async with both.router.node.http(ADMIN_KEY) as direct:
            assert (await direct.get("/v0/users", headers={"host": FOLLOWER_HOST})).status_code == 403


async def test_a_session_of_the_dashboard(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as both, both.door.http(None) as client:
        client.cookies.set("corral_session", both.router.node.token(ADMIN))
        me = (await client.get("/v0/auth/me")).json()
        refused = await client.post("/v0/api-keys", json={"name": "a", "scopes": ["api"]})
        headers = {"x-csrf-token": me["csrf_token"]}
        made = await client.post("/v0/api-keys", json={"name": "a", "scopes": ["api"]}, headers=headers)
    assert me["user"]["username"] == ADMIN
    assert (refused.status_code, made.status_code) == (403, 201)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (wire.encode_request_head(RequestHead(method="GET", path="/v1/models", hops=2)), wire.LOOP),
        (b"garbage that is no head", wire.MALFORMED),
        (b"", wire.MALFORMED),
        (wire.encode_request_head(RequestHead(method="GET", path="/v1/models", vouched="king")), 200),
    ],
)
async def test_what_a_member_sends_is_looked_at(tmp_path: Path, body: bytes, status: int) -> None:
    async with two_nodes(tmp_path) as both:
        response = await both.peers.open(both.router.there.node, "POST", wire.PATH, body=body)
        data = b"".join([chunk async for chunk in response.chunks()])
    assert response.status == status
    assert (b"missing_credentials" in data) is (status == 200)


async def test_nothing_is_passed_on_twice(tmp_path: Path) -> None:
    """Also if somebody joins the parts wrongly: here the router's side gives requests to a front door."""
    async with (
        two_nodes(tmp_path) as inner,
        two_nodes(tmp_path / "outer", app=inner.front_door) as outer,
        outer.door.http() as client,
    ):
        answer = await client.post("/v1/embeddings", json={"model": "parrot", "input": "x"})
        local = await client.get("/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (508, "relay_loop")
    assert local.status_code == 200
    assert not inner.router.node.log.records
