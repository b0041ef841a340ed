"""One HTTP request on its connection: what Quart does, plus limits, a polite end and sure cleaning up."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    HTTPScope,
    Scope,
)
from prometheus_client import Gauge
from quart import Quart, request
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers
from quart.wrappers import Request, Response
from quart.wrappers.request import Body

from corral.app.api.asgi_scope import refused_of
from corral.app.api.patience import Patience
from corral.app.api.route import Route, body_limit
from corral.app.api.rules import MatchingRule
from corral.app.http1.handler import Handler

LINGER_S = 2.0  # a client that still sends its body gets so long before the connection is cut
_DISCONNECT_S = 1.0


class HttpConnection(ASGIHTTPConnection):
    """Closes a body's iterator however the request ends, so that the work behind it is cancelled."""

    _received: asyncio.Event  # all of the body, or more of it than anybody waits for
    _answered = False

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert isinstance(self.app, CorralApp)
        with self.app.active.track_inprogress():
            await self._serve(receive, send)

    async def _serve(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._received = asyncio.Event()
        answering, body = self._begin(send)
        receiver = asyncio.create_task(self._receive(body, receive))
        handler = asyncio.create_task(answering)
        try:
            await asyncio.wait([handler, receiver], return_when=asyncio.FIRST_COMPLETED)
            if not receiver.done():  # whoever puts messages must find a reader until the end
                await asyncio.wait([receiver], timeout=_DISCONNECT_S)
        finally:
            receiver.cancel()
            handler.cancel()
            await asyncio.wait([receiver, handler])
        if not handler.cancelled() and (error := handler.exception()) is not None:
            raise error

    def _begin(self, send: ASGISendCallable) -> tuple[Coroutine[Any, Any, None], Body]:
        """What answers the request, and its body, which has yet to come."""
        request = self._create_request_from_scope(send)
        return self.handle_request(request, send), request.body

    async def _receive(self, body: Body, receive: ASGIReceiveCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if message["type"] == "http.request":
                self._take(body, message.get("body", b""))
                if not message.get("more_body", False):
                    body.set_complete()
                    self._received.set()

    def _take(self, body: Body, piece: bytes) -> None:
        if not self._answered:
            body.append(piece)
            return
        body.clear()  # whoever answered doesn't want it
        assert isinstance(self.app, CorralApp)
        address = str((self.scope["client"] or ("",))[0])
        if not self.app.patience.bears(address, len(piece), now=asyncio.get_running_loop().time()):
            self._received.set()

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        self.scope["path"] = self.scope["path"] or "/"
        request = super()._create_request_from_scope(send)
        request.body = request.body_class(request.content_length, body_limit(request.path))
        return request

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        assert isinstance(response, Response)  # this app has no synchronous ones
        self._answered = True
        async with response.response as body:
            await send(
                cast(
                    HTTPResponseStartEvent,
                    {
                        "type": "http.response.start",
                        "status": response.status_code,
                        "headers": encode_headers(response.headers),
                    },
                )
            )
            async for data in body:
                await self._send_piece(send, data)
        await self._end(send)

    async def _send_piece(self, send: ASGISendCallable, data: bytes) -> None:
        await send(_piece(data, more=True))

    async def _end(self, send: ASGISendCallable) -> None:
        await self._linger()
        await send(_piece(b"", more=False))

    async def _linger(self) -> None:
        """Let the client finish sending: cutting it off now could lose the answer on its way."""
        if self._received.is_set():
            return
        try:
            async with asyncio.timeout(LINGER_S):
                await self._received.wait()
        except TimeoutError:
            return


def _piece(data: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return cast(HTTPResponseBodyEvent, {"type": "http.response.body", "body": data, "more_body": more})


class CorralApp(Quart):
    """Quart with our kind of connection, and the table its routes came from."""

    asgi_http_class = HttpConnection
    url_rule_class = MatchingRule

    def __init__(self, name: str, *, active: Gauge) -> None:
        """`active` counts the requests in flight."""
        super().__init__(name, static_folder=None)
        self.active = active
        self.patience = Patience()
        self.routes: Sequence[Route] = ()
        self.direct: Mapping[str, Callable[[HTTPScope], HttpConnection]] = {}  # by path, for POST
        self.plain: Mapping[str, Handler] = {}  # the same routes, for requests that the server reads itself

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """One request, websocket or lifespan; those of `direct` go past the framework."""
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            connection = self.direct.get(scope["path"])
            if connection is not None and refused_of(scope) is None:
                await connection(scope)(receive, send)
                return
        await super().asgi_app(scope, receive, send)

    async def make_default_options_response(self) -> Response:
        """The methods of the path as it is written in the table; `/x/<id>` may match too, and has others."""
        assert request.url_rule is not None
        same = [each for each in self.url_map.iter_rules() if each.rule == request.url_rule.rule]
        methods = {method for each in same for method in each.methods or ()}
        return self.response_class("", headers={"Allow": ", ".join(sorted(methods))})
