"""The peer port: who is a member gets in, and is known by its certificate; nobody else gets further than TLS."""

import asyncio
import ssl
from collections.abc import Collection, Sequence
from typing import Any, Final

from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse
from aiohttp.web_server import Server

from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity
from corral.peers.transport import tls
from corral.peers.transport.answering import Answering
from corral.peers.transport.connection import PeerConnection
from corral.peers.transport.doorway import Doorway
from corral.peers.transport.link_server import LinkServer
from corral.peers.transport.listening import listen
from corral.peers.transport.members import Members
from corral.peers.transport.route import LinkRoute, PeerRoute

KEEP_ALIVE_S: Final = 75.0  # also the most that the head of a request may take
_MOST_LINE_BYTES: Final = 32 * 1024
_MOST_HEADERS: Final = 128
_READ_BYTES: Final = 256 * 1024
_LINGER_S: Final = 1.0  # reading on after an answer like 413, so that the peer gets to see it
_CANCEL_S: Final = 2.0
_OPTIONS: Final[dict[str, Any]] = {
    "keepalive_timeout": KEEP_ALIVE_S,
    "tcp_keepalive": False,  # set before
    "access_log": None,
    "auto_decompress": False,
    "max_line_size": _MOST_LINE_BYTES,
    "max_field_size": _MOST_LINE_BYTES,
    "max_headers": _MOST_HEADERS,
    "lingering_time": _LINGER_S,
    "read_bufsize": _READ_BYTES,
}


class PeerServer:
    """Serves routes and links to members. Not reusable: after `stop`, make another."""

    def __init__(
        self,
        *,
        identity: Identity,
        host: str,
        port: int,
        routes: Sequence[PeerRoute],
        links: Sequence[LinkRoute] = (),
    ) -> None:
        """Host "" is every address of this machine, IPv4 and IPv6. Port 0 picks a free one."""
        self._identity = identity
        self._host = host
        self._wanted_port = port
        self._answering = Answering(routes)
        self._links = LinkServer(links)
        self._doorway = Doorway(protocol=self._connection, context=self._current_context)
        self._members = Members(turned_away=self._doorway.turned_away)
        self._handlers: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._port = 0
        self._renewing = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._manager: Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    @property
    def connections(self) -> int:
        """How many are open, of all members."""
        return len(self._members.connections)

    async def start(self, members: Collection[Certificate]) -> None:
        """Returns when connections are possible. Raises ListenError and IdentityError."""
        await self.set_members(members)
        self._manager = Server(self._handle, handler_cancellation=True)
        listening = listen(self._host, self._wanted_port)
        self._port = int(listening[0].getsockname()[1])
        self._doorway.open(listening)

    async def set_members(self, members: Collection[Certificate]) -> None:
        """Others are members from now on: connections of removed ones are cut at once, and added ones are let in when it
        returns. No other connection is disturbed. Raises IdentityError."""
        self._members.set(members)
        async with self._renewing:
            self._context = await asyncio.to_thread(
                tls.server_context, self._identity, list(self._members.certificates)
            )

    async def stop(self, grace_s: float) -> None:
        """Take no more connections, let answers in the making finish for `grace_s`, then cut what is left."""
        self._stopping = True
        await self._doorway.close()
        self._links.cut_all()
        for connection in self._members.connections:
            if not connection.under_way:
                connection.cut()
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=grace_s)
        for connection in self._members.connections:
            connection.cut()
        await self._members.all_left()
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=_CANCEL_S)

    def _connection(self) -> PeerConnection:
        assert self._manager is not None, "start it first"
        return PeerConnection(self._manager, register=self._members, **_OPTIONS)

    def _current_context(self) -> ssl.SSLContext:
        assert self._context is not None, "start it first"
        return self._context

    async def _handle(self, request: BaseRequest) -> StreamResponse:
        connection, task = request.protocol, asyncio.current_task()
        assert isinstance(connection, PeerConnection) and task is not None
        connection.under_way += 1
        self._handlers.add(task)
        try:
            if self._links.has(request.raw_path):
                return await self._links.run(request, connection)
            response = await self._answering.answer(request, connection)
        finally:
            connection.under_way -= 1
            self._handlers.discard(task)
        if self._stopping:
            response.force_close()
        return response
