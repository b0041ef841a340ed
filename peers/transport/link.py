"""A link: a WebSocket to a peer that stays open for small messages in one direction."""

import asyncio
from typing import Final, Literal

import aiohttp

from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerBroke
from corral.peers.transport.response import LOST

MOST_WAITING_BYTES: Final = 1024 * 1024  # beyond what the systems on both sides buffer
_PAUSE_BYTES: Final = 64 * 1024 * 1024  # never reached, so sending never waits
GOODBYE_S: Final = 0.5


class LinkSocket(aiohttp.ClientWebSocketResponse[Literal[True]]):
    """aiohttp's, which shows its transport."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """None once the connection is lost."""
        connection = self._response.connection
        return None if connection is None else connection.transport


class Link:
    """An open link. `send` never waits: if the peer doesn't read, the link is cut."""

    def __init__(self, node: NodeId, socket: LinkSocket) -> None:
        self._node = node
        self._socket = socket
        self._leaving = False
        if socket.transport is not None:
            socket.transport.set_write_buffer_limits(high=_PAUSE_BYTES)
        self._watch = asyncio.create_task(self._until_end(), name=f"end of link to {node[:8]}")

    async def send(self, message: bytes) -> None:
        """Returns when it is on its way. Raises PeerBroke if the link has ended or the peer doesn't read."""
        transport = self._socket.transport
        if transport is None or transport.is_closing():
            raise PeerBroke(self._node, "the link has ended")
        if transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            transport.abort()
            raise PeerBroke(self._node, "it doesn't read its link")
        try:
            await self._socket.send_bytes(message)
        except LOST as error:
            raise PeerBroke(self._node, "the link has ended") from error

    async def closed(self) -> None:
        """Returns when the link has ended, for whatever reason: at once when the peer's process ends."""
        await asyncio.wait([self._watch])

    async def aclose(self) -> None:
        """End it; what was sent before still arrives, if the peer reads it within half a second."""
        self._leaving = True
        await self._socket.close()
        self._cut()
        await asyncio.wait([self._watch])

    async def _until_end(self) -> None:
        """Peers say nothing on a link that they didn't open; whatever comes is its end."""
        await self._socket.receive()
        if not self._leaving:
            self._cut()
            await self._socket.close()

    def _cut(self) -> None:
        if self._socket.transport is not None:
            self._socket.transport.abort()
