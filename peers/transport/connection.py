"""A member's connection to the peer port. It is let in, and known by name, before a byte of it is read."""

import asyncio
from typing import Any, Protocol, cast

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from corral.peers.ids import NodeId
from corral.peers.transport import tls


class Register(Protocol):
    """Knows the members and their connections."""

    def admit(self, connection: "PeerConnection", certificate_der: bytes, host: str) -> NodeId | None:
        """Who shows this certificate; None if it is no member's."""
        ...

    def left(self, connection: "PeerConnection") -> None:
        """It has ended."""
        ...


class PeerConnection(RequestHandler):
    """aiohttp's HTTP protocol behind the check of the certificate."""

    __slots__ = ("_register", "certificate_der", "peer", "under_way")

    def __init__(self, manager: Server, *, register: Register, **options: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **options)
        self.peer = NodeId("")
        self.certificate_der = b""
        self.under_way = 0  # requests that are being answered
        self._register = register

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done: let it in and greet it, or cut it."""
        self.certificate_der = tls.shows(transport.get_extra_info("ssl_object")) or b""
        host = str((transport.get_extra_info("peername") or ("?",))[0])
        peer = self._register.admit(self, self.certificate_der, host)
        if peer is None:
            self.force_close()  # so that what came already isn't read
            cast(asyncio.Transport, transport).abort()
            return
        self.peer = peer
        cast(asyncio.Transport, transport).write(tls.GREETING)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended; aiohttp cancels its handler."""
        self._register.left(self)
        super().connection_lost(exc)

    @property
    def is_open(self) -> bool:
        """Whether something can still be sent."""
        return self.transport is not None and not self.transport.is_closing()

    def cut(self) -> None:
        """End it at once."""
        if self.transport is not None:
            self.transport.abort()
