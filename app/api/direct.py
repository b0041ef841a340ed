"""The short way to the handlers of inference, past the web framework: the same checks and answers for half the work."""

import asyncio
import time
from collections.abc import Mapping
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
from corral.app.http1.handler import Sink
from corral.app.http1.plain_request import PlainRequest

BODY_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """One route that is answered this way: a POST without parameters."""

    app: CorralApp
    edge: Answering
    around: Around
    route: Route

    def connection(self, scope: HTTPScope) -> HttpConnection:
        """For one request that came to the app."""
        return _DirectConnection(self, scope)

    async def plain(self, request: PlainRequest, sink: Sink) -> None:
        """One request that the server read itself."""

        async def read_body() -> bytes:
            return request.body

        incoming = Incoming(
            method="POST",
            path=request.path,
            headers=request.headers,
            address=request.address,
            server_address=request.server_address,
            request_id=self.around.request_id(request.headers),
            read_body=read_body,
        )
        self.app.active.inc()
        try:
            await self.answer(incoming, sink)
        finally:
            self.app.active.dec()

    async def answer(self, incoming: Incoming, sink: Sink) -> None:
        """Nobody but the sink may fail, or the body of an answer that is passed on as it comes."""
        began, around, path = time.perf_counter(), self.around, incoming.path
        structlog.contextvars.bind_contextvars(request_id=incoming.request_id)
        answer = await self.edge.answer(self.route, incoming)
        headers = {
            **around.usual_headers(path),
            **answer.headers,
            **around.added_headers("POST", path, incoming.headers, incoming.request_id),
        }
        if answer.streamed:
            around.count(method="POST", route=self.route.path, status=answer.status, began=began)
            await _pass_on(answer, headers, sink)
            return
        whole = b"".join([piece async for piece in answer.body])
        around.count(method="POST", route=self.route.path, status=answer.status, began=began)
        await sink.whole(answer.status, headers, whole)


async def _pass_on(answer: GatewayResponse, headers: Mapping[str, str], sink: Sink) -> None:
    body = answer.body
    try:
        await sink.begin(answer.status, headers)
        async for piece in body:
            await sink.piece(piece)
    finally:
        if close := getattr(body, "aclose", None):
            await close()
    await sink.end()


def is_direct(route: Route) -> bool:
    """Whether a route may be answered this way."""
    return route.recorded and route.method == "POST" and not route.parameters


class _DirectConnection(HttpConnection):
    """One request, which has a route and no query. As a Sink it takes the answer."""

    def __init__(self, direct: Direct, scope: HTTPScope) -> None:
        super().__init__(direct.app, scope)
        self._direct = direct
        self._headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self._send: ASGISendCallable
        self._chunked_by_us: HTTPStream | None = None

    def _begin(self, send: ASGISendCallable) -> tuple[Any, Body]:
        self._send = send
        length = self._headers.get("content-length", "")
        expected = int(length) if length.isascii() and length.isdigit() else None
        body = Body(expected, body_limit(self.scope["path"]))
        return self._direct.answer(self._incoming(body), self), body

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self._start(status, {**headers, "content-length": str(len(body))})
        await self._send_piece(self._send, body)
        await self.end()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        await self._start(status, headers)
        stream = getattr(self._send, "__self__", None)
        chunked = "content-length" not in headers and self.scope["http_version"] == "1.1"
        self._chunked_by_us = stream if chunked and isinstance(stream, HTTPStream) else None

    async def piece(self, data: bytes) -> None:
        if (stream := self._chunked_by_us) is None:
            await self._send_piece(self._send, data)
        elif data:
            # What h11 would make of it (RFC 9112, 7.1), for a fraction of the time that each event takes there.
            framed = b"%x\r\n%b\r\n" % (len(data), data)
            await stream.send(Data(stream_id=stream.stream_id, data=framed))

    async def end(self) -> None:
        await self._end(self._send)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self._answered = True
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": status, "headers": encoded}
        await self._send(cast(HTTPResponseStartEvent, start))

    def _incoming(self, body: Body) -> Incoming:
        scope = self.scope
        client, server = scope["client"], scope["server"]
        return Incoming(
            method="POST",
            path=scope["path"],
            headers=self._headers,
            address="" if client is None else client[0],
            server_address="" if server is None else server[0],
            request_id=self._direct.around.request_id(self._headers),
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
