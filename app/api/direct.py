"""The short way to the handlers of inference, past the web framework: the same checks and answers for half the work."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import structlog
from hypercorn.protocol.events import Data
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ASGISendCallable, HTTPResponseStartEvent, HTTPScope
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge

from corral.app.api.around import Around
from corral.app.api.asgi_scope import relayed_of
from corral.app.api.connection import CorralApp, HttpConnection
from corral.app.api.edge import Answering, Incoming
from corral.app.api.request_errors import BodyTimeout, BodyTooLarge
from corral.app.api.route import Route, body_limit
from corral.app.gateway.endpoint import GatewayResponse

BODY_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """One route that is answered this way: a POST without parameters."""

    app: CorralApp
    edge: Answering
    around: Around
    route: Route

    def connection(self, scope: HTTPScope) -> HttpConnection:
        """For one request."""
        return _DirectConnection(self, scope)


def is_direct(route: Route) -> bool:
    """Whether a route may be answered this way."""
    return route.recorded and route.method == "POST" and not route.parameters


class _DirectConnection(HttpConnection):
    """One request, which has a route and no query."""

    def __init__(self, direct: Direct, scope: HTTPScope) -> None:
        super().__init__(direct.app, scope)
        self._direct = direct
        self._headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }

    def _begin(self, send: ASGISendCallable) -> tuple[Any, Body]:
        length = self._headers.get("content-length", "")
        expected = int(length) if length.isascii() and length.isdigit() else None
        body = Body(expected, body_limit(self.scope["path"]))
        return self._answer(send, body), body

    async def _answer(self, send: ASGISendCallable, body: Body) -> None:
        began, around, headers = time.perf_counter(), self._direct.around, self._headers
        path = self.scope["path"]
        request_id = around.request_id(headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = await self._direct.edge.answer(self._direct.route, self._incoming(request_id, body))
        added = around.added_headers("POST", path, headers, request_id)
        sent = {**around.usual_headers(path), **answer.headers, **added}
        whole = None if answer.streamed else b"".join([piece async for piece in answer.body])
        if whole is not None:
            sent["content-length"] = str(len(whole))
        around.count(method="POST", route=self._direct.route.path, status=answer.status, began=began)
        await self._send(send, answer, sent, whole)

    async def _send(
        self, send: ASGISendCallable, answer: GatewayResponse, headers: Mapping[str, str], whole: bytes | None
    ) -> None:
        self._answered = True
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": answer.status, "headers": encoded}
        await send(cast(HTTPResponseStartEvent, start))
        if whole is not None:
            await self._send_piece(send, whole)
        else:
            await self._send_stream(send, answer.body, chunked="content-length" not in headers)
        await self._end(send)

    async def _send_stream(
        self, send: ASGISendCallable, body: AsyncIterator[bytes], *, chunked: bool
    ) -> None:
        stream = getattr(send, "__self__", None)
        if not (chunked and self.scope["http_version"] == "1.1" and isinstance(stream, HTTPStream)):
            stream = None
        try:
            async for piece in body:
                if stream is not None and piece:
                    # What h11 would make of it (RFC 9112, 7.1), for a fraction of the time that each event takes there.
                    await stream.send(
                        Data(stream_id=stream.stream_id, data=b"%x\r\n%b\r\n" % (len(piece), piece))
                    )
                else:
                    await self._send_piece(send, piece)
        finally:
            if close := getattr(body, "aclose", None):
                await close()

    def _incoming(self, request_id: str, body: Body) -> Incoming:
        scope = self.scope
        client, server = scope["client"], scope["server"]
        return Incoming(
            method="POST",
            path=scope["path"],
            headers=self._headers,
            address="" if client is None else client[0],
            server_address="" if server is None else server[0],
            request_id=request_id,
            secure=scope["scheme"] == "https",
            relayed=relayed_of(scope),
            read_body=lambda: _read(body, scope["path"]),
        )


async def _read(body: Body, path: str) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return cast(bytes, await body)
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(body_limit(path)) from error
    except TimeoutError as error:
        raise BodyTimeout from error
