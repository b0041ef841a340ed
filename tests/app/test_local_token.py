"""The local token works from this machine only."""

import pytest

from corral.app.gateway.auth import ApiKey, authenticate, is_from_this_machine
from corral.app.gateway.errors import InvalidApiKey
from corral.app.local_token import KeysWithLocalToken

TOKEN = "a-token"


class NoKeys:
    """A book without keys."""

    def find(self, digest: bytes) -> ApiKey | None:
        return None


@pytest.mark.parametrize("scope", ["api", "endpoints", "runtime", "admin"])
def test_it_opens_everything_from_here(scope: str) -> None:
    keys = KeysWithLocalToken(keys=NoKeys(), token=TOKEN)
    assert authenticate({"x-api-key": TOKEN}, scope=scope, keys=keys, now=0.0, from_this_machine=True)


def test_it_opens_nothing_from_elsewhere() -> None:
    keys = KeysWithLocalToken(keys=NoKeys(), token=TOKEN)
    with pytest.raises(InvalidApiKey):
        authenticate({"x-api-key": TOKEN}, scope="api", keys=keys, now=0.0, from_this_machine=False)


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
