"""The pages for people: /dashboard and /playground, on every node, and / for browsers."""

import asyncio
from collections.abc import Mapping, Sequence

from corral.app.api.call import Call, once
from corral.app.api.request_errors import RouteNotFound
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.page.page_files import PageFile, PageFiles

HTML = "text/html"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_SAFETY = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Corral</title>
<h1>The dashboard is not built</h1>
<p>This copy of Corral was started from its sources. Build the page with <code>make web</code>, then load it again.
It needs Node 20.19 or newer. Everything else works without: <code>corral --help</code>.</p>
</html>
"""


_PAGES = tuple(f"/{name}{rest}" for name in ("dashboard", "playground") for rest in ("", "/", "/<path:page>"))


def for_browser(call: Call) -> bool:
    """Whether a person asks, with a browser."""
    return HTML in call.headers.get("accept", "")


def to_dashboard() -> GatewayResponse:
    """Sends a browser to the dashboard."""
    return GatewayResponse(status=302, headers={"location": "/dashboard", **_SAFETY}, body=once(b""))


def leads_out(page: str) -> bool:
    """Whether a decoded path tries to leave its folder; browsers resolve these parts themselves, so no link of ours has any."""
    return any(part in (".", "..") for part in page.replace("\\", "/").split("/"))


class PageRoutes:
    """Handlers of the pages. They ask for no credentials: what the page shows it gets from /v0."""

    def __init__(self, files: PageFiles) -> None:
        self._files = files

    async def page(self, call: Call) -> GatewayResponse:
        """The one page for every address of it: what is shown is worked out in the browser."""
        if leads_out(call.parameters.get("page", "")):
            raise RouteNotFound(call.path)
        file = await asyncio.to_thread(self._files.index)
        if file is None:
            headers = {"content-type": f"{HTML}; charset=utf-8", "cache-control": "no-store", **_SAFETY}
            return GatewayResponse(status=503, headers=headers, body=once(_NOT_BUILT))
        return _answer(file, call.headers, "no-cache")

    async def asset(self, call: Call) -> GatewayResponse:
        file = await asyncio.to_thread(self._files.asset, call.parameters["name"])
        if file is None:
            raise RouteNotFound(call.path)
        return _answer(file, call.headers, _FOREVER)

    def routes(self) -> Sequence[Route]:
        return [
            *(_page(path, self.page) for path in _PAGES),
            Route(
                method="GET",
                path="/dashboard/assets/<path:name>",
                handler=self.asset,
                summary="A part of the pages",
                answer_types=("text/javascript", "text/css", "image/svg+xml"),
                errors=(404,),
                node_local=True,
            ),
        ]


def _page(path: str, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        summary="The dashboard and the playground",
        answer_types=(HTML,),
        answer_statuses=(200, 503),
        errors=(404,) if "<" in path else (),
        node_local=True,
    )


def _answer(file: PageFile, wanted: Mapping[str, str], caching: str) -> GatewayResponse:
    headers = {
        "content-type": file.content_type,
        "cache-control": caching,
        "etag": file.etag,
        "vary": "Accept-Encoding",
        **_SAFETY,
    }
    if file.etag in wanted.get("if-none-match", ""):
        return GatewayResponse(status=304, headers=headers, body=once(b""))
    if file.compressed is not None and "gzip" in wanted.get("accept-encoding", ""):
        return GatewayResponse(
            status=200, headers={**headers, "content-encoding": "gzip"}, body=once(file.compressed)
        )
    return GatewayResponse(status=200, headers=headers, body=once(file.content))
