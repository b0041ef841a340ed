"""Host names and web origins."""

from pathlib import Path

import pytest

from corral.app.api.origins import cors_headers, host_allowed
from tests.app.api.serving import serving

OURS = "https://app.example"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("192.168.1.9:32768", True),
        ("[::1]:80", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("box.local:32768", True),
        ("box.local.", True),
        ("other.local", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host, {"box.local"}) == allowed


@pytest.mark.parametrize(
    ("origins", "origin", "answer"),
    [
        ((), OURS, None),
        ((OURS,), OURS, OURS),
        ((OURS,), "https://evil.example", None),
        ((OURS,), None, None),
        (("*",), OURS, "*"),
    ],
)
def test_origins(origins: tuple[str, ...], origin: str | None, answer: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert cors_headers(headers, origins, preflight=False).get("access-control-allow-origin") == answer


async def test_on_the_socket(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, cors_origins=(OURS,), allowed_hosts=("Box.local",)) as node,
        node.http() as client,
    ):
        preflight = await client.options(
            "/v1/chat/completions",
            headers={"origin": OURS, "access-control-request-headers": "authorization,content-type"},
        )
        models = await client.get("/v1/models", headers={"origin": OURS})
        system = await client.get("/v0/system", headers={"origin": OURS})
        rebound = await client.get("/v0/system", headers={"host": "evil.example"})
        named = await client.get("/v0/system", headers={"host": "box.local"})
        api = await client.get("/v1/models", headers={"host": "proxy.example"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    assert models.headers["access-control-allow-origin"] == OURS
    assert "access-control-allow-origin" not in system.headers
    assert rebound.status_code == 403
    assert rebound.json()["error"]["code"] == "host_not_allowed"
    assert (named.status_code, api.status_code) == (200, 200)
