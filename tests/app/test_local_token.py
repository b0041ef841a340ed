"""The local token works from this machine only."""

import pytest

from corral.app.gateway.auth import ApiKey, authenticate
from corral.app.gateway.errors import InvalidApiKey
from corral.app.local_token import KeysWithLocalToken

TOKEN = "a-token"


class NoKeys:
    """A book without keys."""

    def find(self, digest: bytes) -> ApiKey | None:
        return None


@pytest.mark.parametrize("scope", ["api", "endpoints", "runtime", "admin"])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_it_opens_everything_from_here(scope: str, address: str) -> None:
    keys = KeysWithLocalToken(keys=NoKeys(), token=TOKEN)
    assert authenticate({"x-api-key": TOKEN}, scope=scope, keys=keys, now=0.0, address=address)


@pytest.mark.parametrize("address", ["192.168.1.7", "::ffff:192.168.1.7", "fe80::1", "", "localhost"])
def test_it_opens_nothing_from_elsewhere(address: str) -> None:
    keys = KeysWithLocalToken(keys=NoKeys(), token=TOKEN)
    with pytest.raises(InvalidApiKey):
        authenticate({"x-api-key": TOKEN}, scope="api", keys=keys, now=0.0, address=address)
