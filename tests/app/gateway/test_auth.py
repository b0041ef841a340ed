"""Credentials and what they allow."""

import pytest

from corral.app.gateway.auth import ApiKey, ApiKeyId, authenticate, credential, digest_of
from corral.app.gateway.errors import (
    AuthError,
    ExpiredApiKey,
    InsufficientScope,
    InvalidApiKey,
    InvalidToken,
    MissingCredentials,
)

GOOD, OLD = "sk_good", "sk_old"


class Book:
    """Two keys."""

    def find(self, digest: bytes) -> ApiKey | None:
        keys = {
            digest_of(secret): ApiKey(
                id=ApiKeyId(secret), digest=digest_of(secret), scopes=frozenset({"api"}), expires_at=expires
            )
            for secret, expires in ((GOOD, None), (OLD, 100.0))
        }
        return keys.get(digest)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc "}, "abc"),
        ({"authorization": "Basic abc"}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Bearer "}, None),
        ({"x-api-key": "abc"}, "abc"),
        ({"x-api-key": "abc", "authorization": "Bearer def"}, "abc"),
        ({"x-api-key": " ", "authorization": "Bearer def"}, "def"),
    ],
)
def test_credentials(headers: dict[str, str], expected: str | None) -> None:
    assert credential(headers) == expected


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, MissingCredentials),
        ({"authorization": "Bearer sk_bad"}, InvalidApiKey),
        ({"authorization": "Bearer a.b.c"}, InvalidToken),
        ({"x-api-key": "a.b.c"}, InvalidApiKey),
        ({"authorization": f"Bearer {OLD}"}, ExpiredApiKey),
        ({"x-api-key": "sk_bad", "authorization": f"Bearer {GOOD}"}, InvalidApiKey),
        ({"authorization": "Bearer \udcff"}, InvalidApiKey),
    ],
)
def test_refusals(headers: dict[str, str], error: type[AuthError]) -> None:
    with pytest.raises(error):
        authenticate(headers, scope="api", keys=Book(), now=100.0)


def test_a_good_key() -> None:
    headers = {"authorization": f"Bearer {GOOD}"}
    assert authenticate(headers, scope="api", keys=Book(), now=1e12).id == GOOD
    with pytest.raises(InsufficientScope):
        authenticate(headers, scope="admin", keys=Book(), now=0.0)


def test_a_key_is_good_until_it_expires() -> None:
    assert authenticate({"x-api-key": OLD}, scope="api", keys=Book(), now=99.9).id == OLD
