"""Credentials and what they open."""

import pytest

from corral.app.gateway import principal
from corral.app.gateway.auth import (
    SESSION_COOKIE,
    ApiKey,
    ApiKeyId,
    Asking,
    Authenticator,
    Credential,
    CredentialKind,
    credential,
    digest_of,
)
from corral.app.gateway.errors import (
    AdminRequired,
    AuthError,
    CsrfTokenMissing,
    ExpiredApiKey,
    InsufficientScope,
    InvalidApiKey,
    InvalidToken,
    MissingCredentials,
)
from corral.app.gateway.principal import INFERENCE, MANAGEMENT, OWN_SESSION, PrincipalKind, Role, Session

GOOD, OLD = "sk_good", "sk_old"
VIEWER = "v.i.ewer"
PROXIED = "x-forwarded-for"


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


class Viewer:
    """A SessionBook: one viewer has signed in."""

    def find(self, token: str) -> Session | None:
        if token != VIEWER:
            return None
        return Session(id="s", user_id="u", username="vi", role=Role.VIEWER, expires_at=1e12, csrf="c")


def recognised(
    headers: dict[str, str],
    *,
    method: str = "GET",
    access: principal.Access = INFERENCE,
    now: float = 0.0,
    trust: bool = False,
    here: bool = True,
) -> principal.Principal:
    rules = Authenticator(keys=Book(), sessions=Viewer(), trust_loopback=trust)
    asking = Asking(method=method, headers=headers, from_this_machine=here)
    return rules.authenticate(asking, access, now=now)


KEY, TOKEN, COOKIE = CredentialKind.API_KEY, CredentialKind.TOKEN, CredentialKind.COOKIE


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"authorization": "Bearer abc"}, Credential(KEY, "abc")),
        ({"authorization": "bearer  abc "}, Credential(KEY, "abc")),
        ({"authorization": "Basic abc"}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "Bearer a.b.c"}, Credential(TOKEN, "a.b.c")),
        ({"x-api-key": "abc"}, Credential(KEY, "abc")),
        ({"x-api-key": "a.b.c"}, Credential(KEY, "a.b.c")),
        ({"x-api-key": "abc", "authorization": "Bearer def"}, Credential(KEY, "abc")),
        ({"x-api-key": " ", "authorization": "Bearer def"}, Credential(KEY, "def")),
        ({"cookie": f"a=b; {SESSION_COOKIE}=x.y.z"}, Credential(COOKIE, "x.y.z")),
        ({"cookie": f"{SESSION_COOKIE}="}, None),
        ({"cookie": "\x00;;=;"}, None),
        ({"cookie": f"{SESSION_COOKIE}=x.y.z", "authorization": "Bearer abc"}, Credential(KEY, "abc")),
    ],
)
def test_credentials(headers: dict[str, str], expected: Credential | None) -> None:
    assert credential(headers) == expected


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, MissingCredentials),
        ({"authorization": "Bearer sk_bad"}, InvalidApiKey),
        ({"authorization": "Bearer a.b.c"}, InvalidToken),
        ({"x-api-key": VIEWER}, InvalidApiKey),
        ({"authorization": f"Bearer {OLD}"}, ExpiredApiKey),
        ({"x-api-key": "sk_bad", "authorization": f"Bearer {GOOD}"}, InvalidApiKey),
        ({"authorization": "Bearer \udcff"}, InvalidApiKey),
        ({"cookie": f"{SESSION_COOKIE}=a.b.c"}, InvalidToken),
    ],
)
def test_refusals(headers: dict[str, str], error: type[AuthError]) -> None:
    with pytest.raises(error):
        recognised(headers, now=100.0)


def test_a_good_key() -> None:
    headers = {"authorization": f"Bearer {GOOD}"}
    assert recognised(headers, now=1e12).id == GOOD
    for access in (MANAGEMENT, OWN_SESSION):
        with pytest.raises(InsufficientScope):
            recognised(headers, access=access)


def test_a_key_is_good_until_it_expires() -> None:
    assert recognised({"x-api-key": OLD}, now=99.9).id == OLD


def test_a_viewer() -> None:
    headers = {"authorization": f"Bearer {VIEWER}"}
    assert recognised(headers, method="POST").kind is PrincipalKind.SESSION
    with pytest.raises(AdminRequired):
        recognised(headers, access=MANAGEMENT)


def test_a_write_with_the_cookie_needs_its_token() -> None:
    headers = {"cookie": f"{SESSION_COOKIE}={VIEWER}"}
    assert recognised(headers).name == "vi"
    for more in ({}, {"x-csrf-token": "d"}, {"x-csrf-token": "\udcff"}):
        with pytest.raises(CsrfTokenMissing):
            recognised({**headers, **more}, method="DELETE", access=OWN_SESSION)
    assert recognised({**headers, "x-csrf-token": "c"}, method="POST", access=OWN_SESSION).name == "vi"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, PrincipalKind.LOOPBACK),
        ({"authorization": "Bearer dummy"}, PrincipalKind.LOOPBACK),
        ({"authorization": f"Bearer {OLD}"}, PrincipalKind.LOOPBACK),
        ({"authorization": f"Bearer {GOOD}"}, PrincipalKind.API_KEY),
        ({"sec-fetch-site": "none"}, PrincipalKind.LOOPBACK),
    ],
)
def test_programs_on_this_machine_need_no_key_where_the_setting_says_so(
    headers: dict[str, str], kind: PrincipalKind
) -> None:
    assert recognised(headers, now=100.0, trust=True).kind is kind


@pytest.mark.parametrize(
    ("headers", "here", "access"),
    [
        ({}, False, INFERENCE),
        ({}, True, MANAGEMENT),
        ({"origin": "https://example.org"}, True, INFERENCE),
        ({"sec-fetch-site": "cross-site"}, True, INFERENCE),
        ({PROXIED: "192.168.1.7"}, True, INFERENCE),
        ({"via": "1.1 proxy"}, True, INFERENCE),
    ],
)
def test_that_setting_lets_nobody_else_in(
    headers: dict[str, str], here: bool, access: principal.Access
) -> None:
    with pytest.raises(MissingCredentials):
        recognised(headers, here=here, access=access, trust=True)
