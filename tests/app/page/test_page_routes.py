"""What is answered for the pages: files, headers, and who answers in a cluster."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from corral.app.api.call import Call
from corral.app.api.request_errors import RouteNotFound
from corral.app.front_door.locality import Locality
from corral.app.gateway.endpoint import Client, GatewayResponse
from corral.app.page.page_files import PageFiles
from corral.app.page.page_routes import PageRoutes
from tests.app.api.serving import serving

SCRIPT = b"run();" * 100


@pytest.fixture
def pages(tmp_path: Path) -> PageRoutes:
    """Of a folder like Vite's, with files around it that are nobody's business."""
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_bytes(b"<!doctype html><title>Corral</title>")
    (assets / "index-1a2b.js").write_bytes(SCRIPT)
    (assets / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "plain.css").write_bytes(b"p {}")
    (assets / "notes.txt").write_bytes(b"of no type that pages have")
    (tmp_path / "secret.js").write_bytes(b"secret")
    return PageRoutes(PageFiles(tmp_path / "dist"))


def call(path: str, headers: Mapping[str, str] | None = None) -> Call:
    return Call(
        method="GET",
        path=path,
        headers=headers or {},
        client=Client(address="127.0.0.1"),
        request_id="r",
        parameters={
            "name": path.removeprefix("/dashboard/assets/"),
            "page": path.removeprefix("/dashboard/"),
        },
    )


async def body_of(answer: GatewayResponse) -> bytes:
    return b"".join([piece async for piece in answer.body])


async def test_a_page_is_asked_for_each_time_but_sent_once(pages: PageRoutes) -> None:
    first = await pages.page(call("/dashboard/models"))
    assert await body_of(first) == b"<!doctype html><title>Corral</title>"
    assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
    again = await pages.page(call("/playground", {"if-none-match": first.headers["etag"]}))
    assert (again.status, await body_of(again)) == (304, b"")


@pytest.mark.parametrize("page", ["..", "../secret.js", "models/../../secret.js", ".", r"..\..\secret.js"])
async def test_no_page_lies_outside(pages: PageRoutes, page: str) -> None:
    with pytest.raises(RouteNotFound):
        await pages.page(call(f"/dashboard/{page}"))


@pytest.mark.parametrize("path", ["/dashboard/..%2f..%2fcorral.db", "/playground/%2e%2e/%2e%2e/corral.db"])
async def test_nor_does_one_whose_address_is_encoded(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as node, httpx.AsyncClient(base_url=node.url) as http:
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_names_with_dots_are_pages(pages: PageRoutes) -> None:
    assert (await pages.page(call("/dashboard/models/gemma-3..q4/.hidden"))).status == 200


async def test_parts_are_kept_forever_and_travel_compressed(pages: PageRoutes) -> None:
    path = "/dashboard/assets/index-1a2b.js"
    small = await pages.asset(call(path, {"accept-encoding": "gzip, br"}))
    assert gzip.decompress(await body_of(small)) == SCRIPT
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in small.headers["cache-control"]
    whole = await pages.asset(call(path))
    assert (await body_of(whole), "content-encoding" in whole.headers) == (SCRIPT, False)
    uncompressed = await pages.asset(call("/dashboard/assets/plain.css", {"accept-encoding": "gzip"}))
    assert (await body_of(uncompressed), "content-encoding" in uncompressed.headers) == (b"p {}", False)


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "index-1a2b.js.gz",
        "notes.txt",
        "../index.html",
        "../../secret.js",
        "..%2f..%2fsecret.js",
        "..\\..\\secret.js",
        "/etc/passwd",
        "",
        ".",
        ".hidden.js",
        "index-1a2b.js\0.css",
    ],
)
async def test_nothing_else_is_shown(pages: PageRoutes, name: str) -> None:
    with pytest.raises(RouteNotFound):
        await pages.asset(call(f"/dashboard/assets/{name}"))


async def test_every_answer_has_a_strict_policy(pages: PageRoutes, tmp_path: Path) -> None:
    unbuilt = PageRoutes(PageFiles(tmp_path / "nowhere"))
    for answer in (
        await pages.page(call("/dashboard")),
        await pages.asset(call("/dashboard/assets/plain.css")),
        await unbuilt.page(call("/dashboard")),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_an_unbuilt_page_says_how_to_build_it(tmp_path: Path) -> None:
    answer = await PageRoutes(PageFiles(tmp_path)).page(call("/dashboard"))
    assert answer.status == 503
    assert b"make web" in await body_of(answer)


def test_each_machine_answers_itself(pages: PageRoutes) -> None:
    locality = Locality(pages.routes())
    for path in (
        "/dashboard",
        "/dashboard/",
        "/dashboard/machines/x",
        "/dashboard/assets/x.js",
        "/playground",
    ):
        assert locality.is_local("GET", path)
