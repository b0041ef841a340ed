"""The side of links that listens: one for each peer and path."""

from collections.abc import Sequence

import structlog
from aiohttp import WSMsgType
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_ws import WebSocketResponse

from corral.peers.ids import NodeId
from corral.peers.transport.connection import PeerConnection
from corral.peers.transport.route import LinkRoute

_LOG = structlog.get_logger(__name__)
_GOODBYE_S = 0.5


class LinkServer:
    """Runs the links that are open."""

    def __init__(self, routes: Sequence[LinkRoute]) -> None:
        self._routes = {each.path: each for each in routes}
        self._open: dict[tuple[str, NodeId], PeerConnection] = {}

    def has(self, path: str) -> bool:
        """Whether there are links to this path."""
        return path in self._routes

    async def run(self, request: BaseRequest, connection: PeerConnection) -> StreamResponse:
        """Returns when the link has ended."""
        route = self._routes[request.raw_path]
        socket = WebSocketResponse(
            compress=False,
            max_msg_size=route.most_bytes + 1,  # aiohttp's is the first size that is too much
            timeout=_GOODBYE_S,
            decode_text=False,
        )
        if not socket.can_prepare(request):
            return Response(status=426, body=b"a link is opened here")
        await socket.prepare(request)
        self._replace(route, connection)
        try:
            route.on_open(connection.peer)
            async for message in socket:
                if message.type is not WSMsgType.BINARY or not self._is_current(route, connection):
                    break
                route.on_message(connection.peer, message.data)
        except Exception:  # noqa: BLE001 - a bug in a callback costs this link only
            _LOG.exception("a link failed", peer=connection.peer, path=route.path)
        finally:
            self._ended(route, connection)
            connection.cut()
        return socket

    def cut_all(self) -> None:
        """End all of them."""
        for connection in list(self._open.values()):
            connection.cut()

    def _is_current(self, route: LinkRoute, connection: PeerConnection) -> bool:
        return self._open.get((route.path, connection.peer)) is connection

    def _replace(self, route: LinkRoute, connection: PeerConnection) -> None:
        old = self._open.get((route.path, connection.peer))
        if old is not None:
            old.cut()
            self._ended(route, old)
        self._open[route.path, connection.peer] = connection

    def _ended(self, route: LinkRoute, connection: PeerConnection) -> None:
        """Tell it once: when it is replaced, or else when its connection is gone."""
        if self._is_current(route, connection):
            del self._open[route.path, connection.peer]
            try:
                route.on_close(connection.peer)
            except Exception:  # noqa: BLE001 - a bug in a callback
                _LOG.exception("the end of a link could not be told", peer=connection.peer, path=route.path)
