"""The router's side: what members relay is answered as if the client had asked here."""

from collections.abc import Callable
from typing import Any

import structlog

from corral.app.api.asgi_scope import RELAYED
from corral.app.front_door.exchange import Application, Exchange
from corral.app.front_door.routing import Here, Routing
from corral.app.front_door.wire import (
    HEADERS,
    LOOP,
    MALFORMED,
    NOT_ROUTER,
    PATH,
    BadRelay,
    RequestHead,
    read_request,
)
from corral.app.gateway.relayed import Relayed, Vouched
from corral.peers.ids import NodeId
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

MOST_BYTES = 256 * 1024 * 1024  # above every limit of a route; those are kept by the application
_LOG = structlog.get_logger(__name__)


class RelayRoute:
    """Gives relayed requests to the application, never to this node's front door: nothing is passed on twice."""

    def __init__(
        self, *, app: Application, routing: Callable[[], Routing], name_of: Callable[[NodeId], str]
    ) -> None:
        """`name_of` a member is what people call it."""
        self._app = app
        self._routing = routing
        self._name_of = name_of

    def route(self) -> PeerRoute:
        """For the peer port."""
        return PeerRoute(method="POST", path=PATH, handler=self.answer, most_bytes=MOST_BYTES)

    async def answer(self, request: PeerRequest) -> PeerAnswer:
        """The application's answer in frames; NOT_ROUTER, LOOP or MALFORMED if it was not asked."""
        if not isinstance(self._routing(), Here):
            return PeerAnswer(status=NOT_ROUTER)
        chunks = aiter(request.body)
        try:
            head, first = await read_request(chunks)
        except BadRelay as error:
            _LOG.warning("a member relayed something malformed", node=request.peer, error=str(error))
            return PeerAnswer(status=MALFORMED)
        if head.hops != 1:
            return PeerAnswer(status=LOOP)
        relayed = Relayed(
            node=request.peer,
            node_name=self._name_of(request.peer),
            vouched=_vouched(head.vouched),
            host_ok=head.host_ok,
        )
        exchange = Exchange(app=self._app, scope=_scope(head, relayed), first=first, body=chunks)
        return PeerAnswer(headers=HEADERS, body=exchange)


def _vouched(text: str) -> Vouched | None:
    try:
        return Vouched(text)
    except ValueError:
        return None


def _scope(head: RequestHead, relayed: Relayed) -> dict[str, Any]:
    """An ASGI scope as the HTTP server of this node would make it, had the client connected here."""
    return {
        "type": "http",
        "asgi": {"spec_version": "2.1", "version": "3.0"},
        "http_version": head.http_version,
        "method": head.method,
        "scheme": head.scheme,
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query,
        "root_path": "",
        "headers": list(head.headers),
        "client": (head.address, head.port),
        "server": None,
        "state": {},
        "extensions": {},
        RELAYED: relayed,
    }
