"""The local token works from this machine only."""

import pytest

from corral.app.gateway.auth import ApiKey, Asking, Authenticator, is_from_this_machine
from corral.app.gateway.errors import InvalidApiKey
from corral.app.gateway.principal import (
    INFERENCE,
    MANAGEMENT,
    READ_ENDPOINTS,
    WRITE_ENDPOINTS,
    Access,
    Principal,
    PrincipalKind,
    Session,
)
from corral.app.local_token import KeysWithLocalToken

TOKEN = "a-token"


class NoKeys:
    """A book without keys."""

    def find(self, digest: bytes) -> ApiKey | None:
        return None


class NoSessions:
    """Nobody has signed in."""

    def find(self, token: str) -> Session | None:
        return None


def recognised(access: Access, *, here: bool) -> Principal:
    rules = Authenticator(keys=KeysWithLocalToken(keys=NoKeys(), token=TOKEN), sessions=NoSessions())
    asking = Asking(method="POST", headers={"x-api-key": TOKEN}, from_this_machine=here)
    return rules.authenticate(asking, access, now=0.0)


@pytest.mark.parametrize("access", [INFERENCE, MANAGEMENT, READ_ENDPOINTS, WRITE_ENDPOINTS])
def test_it_opens_everything_from_here(access: Access) -> None:
    assert recognised(access, here=True).kind is PrincipalKind.THIS_MACHINE


def test_it_opens_nothing_from_elsewhere() -> None:
    with pytest.raises(InvalidApiKey):
        recognised(INFERENCE, here=False)


@pytest.mark.parametrize(
    ("client", "server", "here"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.8.9.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", True),
        ("192.168.1.5", "192.168.1.5", True),
        ("192.168.1.7", "192.168.1.5", False),
        ("::ffff:192.168.1.7", "::ffff:192.168.1.5", False),
        ("fe80::1", "127.0.0.1", False),
        ("localhost", "localhost", False),
        ("", "", False),
    ],
)
def test_what_counts_as_here(client: str, server: str, here: bool) -> None:
    assert is_from_this_machine(client, server) is here
