"""One connection to one address of a peer: TCP, TLS, the pinned certificate, and the peer's greeting.

In TLS 1.3 a client is done before the server has looked at its certificate. So the server greets with a line once it has
accepted it, and nothing is sent before that line came: a failure up to here means that the peer got nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from corral.peers.address import Address
from corral.peers.transport import socket_options, tls
from corral.peers.transport.dial import Failed, Obstacle

HANDSHAKE_S: Final = 5.0
SHUTDOWN_S: Final = 0.5  # for the other side's goodbye, when a connection is closed in peace

P = TypeVar("P", bound=asyncio.Protocol)
_Sockaddr = Any  # as the family has it


async def connect(
    address: Address, context: ssl.SSLContext, certificate_der: bytes, protocol: Callable[[], P]
) -> P:
    """A connection to the machine with this certificate, in the hands of a new `protocol`. Raises Failed."""
    connection = await _tcp(address)
    loop = asyncio.get_running_loop()
    greeted: _Greeted[P] = _Greeted(certificate_der, protocol, loop.create_future())
    try:
        transport, _ = await loop.create_connection(
            lambda: greeted,
            sock=connection,
            ssl=context,
            server_hostname="",
            ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )
    except ssl.SSLCertVerificationError as error:
        raise Failed(Obstacle.NOT_TRUSTED, "another machine answers there") from error
    except ssl.SSLError as error:
        raise Failed(Obstacle.NOT_TRUSTED, "what answers there isn't a Corral machine") from error
    except OSError as error:
        raise _failed(error) from error
    except BaseException:
        socket_options.hang_up(connection)
        raise
    try:
        return await greeted.heard
    except BaseException:
        transport.abort()
        raise


async def _tcp(address: Address) -> socket.socket:
    failed = Failed(Obstacle.UNREACHABLE, "its name has no address")
    for family, sockaddr in await _resolved(address):
        try:
            return await _connected(family, sockaddr)
        except OSError as error:
            failed = _failed(error)
    raise failed


async def _connected(family: int, sockaddr: _Sockaddr) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        socket_options.prepare(connection)
        await asyncio.get_running_loop().sock_connect(connection, sockaddr)
    except BaseException:
        connection.close()
        raise
    return connection


async def _resolved(address: Address) -> list[tuple[int, _Sockaddr]]:
    """Family and socket address. Only names cost time, and a thread."""
    host, port = address.host, address.port
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError):
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Failed(Obstacle.UNREACHABLE, "no such name") from error
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


def _failed(error: OSError) -> Failed:
    if isinstance(error, ConnectionRefusedError):
        return Failed(Obstacle.REFUSED, "nothing listens there")
    return Failed(Obstacle.UNREACHABLE, error.strerror or str(error) or "the connection ended")


class _Greeted(asyncio.Protocol, Generic[P]):
    """Checks the certificate, waits for the greeting, and hands the connection over in the same moment."""

    def __init__(self, certificate_der: bytes, protocol: Callable[[], P], heard: "asyncio.Future[P]") -> None:
        self.heard = heard
        self._certificate_der = certificate_der
        self._protocol = protocol
        self._transport: asyncio.Transport | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if tls.shows(transport.get_extra_info("ssl_object")) != self._certificate_der:
            self._fail("another machine answers there")

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self.heard.done() or self._transport is None:
            return
        if self._got == tls.GREETING:
            protocol = self._protocol()
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            self.heard.set_result(protocol)
        elif not tls.GREETING.startswith(self._got):
            self._fail("the machine there speaks another version; update both")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("it doesn't accept this machine as a member")

    def _fail(self, reason: str) -> None:
        if not self.heard.done():
            self.heard.set_exception(Failed(Obstacle.NOT_TRUSTED, reason))
        if self._transport is not None:
            self._transport.abort()
