"""What a member vouches for opens; what only this machine can tell is never believed of others."""

import pytest

from corral.app.api.call import Call
from corral.app.api.edge import Edge, Incoming
from corral.app.api.health import NodeState
from corral.app.api.route import Route
from corral.app.gateway.audit import AuditEntry
from corral.app.gateway.auth import ApiKey, Asking, Authenticator
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.errors import AuthError
from corral.app.gateway.principal import INFERENCE, MANAGEMENT, PrincipalKind, Session
from corral.app.gateway.recording import RequestRecord
from corral.app.gateway.relayed import Relayed, Vouched
from corral.app.local_token import KeysWithLocalToken
from corral.peers.ids import NodeId

TOKEN = "a-token"
NODE = NodeId("N" * 52)


class NoKeys:
    def find(self, digest: bytes) -> ApiKey | None:
        return None


class NoSessions:
    def find(self, token: str) -> Session | None:
        return None


class NoLog:
    def put(self, record: RequestRecord) -> None:
        return None


class NoAudit:
    async def write(self, entry: AuditEntry) -> None:
        return None


def rules(*, trust_loopback: bool = False) -> Authenticator:
    keys = KeysWithLocalToken(keys=NoKeys(), token=TOKEN)
    return Authenticator(keys=keys, sessions=NoSessions(), trust_loopback=trust_loopback)


def relayed(vouched: Vouched | None) -> Asking:
    return Asking(method="POST", headers={}, relayed=Relayed(node=NODE, node_name="lappy", vouched=vouched))


@pytest.mark.parametrize(
    ("headers", "here", "trusting", "vouched"),
    [
        ({"x-api-key": TOKEN}, True, False, Vouched.THIS_MACHINE),
        ({"authorization": f"Bearer {TOKEN}"}, True, True, Vouched.THIS_MACHINE),
        ({"x-api-key": TOKEN}, False, True, None),
        ({}, True, True, Vouched.LOOPBACK),
        ({}, True, False, None),
        ({}, False, True, None),
        ({"origin": "http://evil.example"}, True, True, None),
        ({"via": "1.1 proxy"}, True, True, None),
        ({"x-api-key": "sk_unknown"}, True, False, None),
    ],
)
def test_what_a_member_vouches_for(
    headers: dict[str, str], here: bool, trusting: bool, vouched: Vouched | None
) -> None:
    asking = Asking(method="POST", headers=headers, from_this_machine=here)
    assert rules(trust_loopback=trusting).vouched(asking) is vouched


def test_a_command_of_another_machine() -> None:
    who = rules().authenticate(relayed(Vouched.THIS_MACHINE), MANAGEMENT, now=0.0)
    assert (who.kind, who.name) == (PrincipalKind.THIS_MACHINE, "this machine (node lappy)")
    assert NODE in who.id


def test_a_program_of_another_machine_without_a_key() -> None:
    assert rules().authenticate(relayed(Vouched.LOOPBACK), INFERENCE, now=0.0).kind is PrincipalKind.LOOPBACK
    with pytest.raises(AuthError):
        rules().authenticate(relayed(Vouched.LOOPBACK), MANAGEMENT, now=0.0)


def test_what_nobody_vouches_for_opens_nothing_however_trusting_the_router_is() -> None:
    with pytest.raises(AuthError):
        rules(trust_loopback=True).authenticate(relayed(None), INFERENCE, now=0.0)


async def test_this_machines_own_token_is_refused_when_it_comes_through_another_one() -> None:
    """Also where the other one saw a loopback address."""

    async def handler(call: Call) -> GatewayResponse:
        raise AssertionError("nobody may call it")

    async def read_body() -> bytes:
        return b""

    edge = Edge(
        authenticator=rules(trust_loopback=True),
        state=lambda: NodeState.OK,
        hosts=lambda: (),
        requests=NoLog(),
        audit=NoAudit(),
    )
    route = Route(method="GET", path="/v1/models", handler=handler, summary="", access=INFERENCE)
    for through in (Relayed(node=NODE, node_name="lappy"), None):
        incoming = Incoming(
            method="GET",
            path="/v1/models",
            headers={"x-api-key": TOKEN},
            address="127.0.0.1",
            server_address="" if through else "127.0.0.1",
            request_id="1",
            relayed=through,
            read_body=read_body,
        )
        answer = await edge.answer(route, incoming)
        assert answer.status == (500 if through is None else 401)  # 500: it got as far as the handler
