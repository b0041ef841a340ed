"""One connection to one address of a peer: TCP, TLS, the pinned certificate, and the peer's greeting.

In TLS 1.3 a client is done before the server has looked at its certificate. So the server greets with a line once it has
accepted it, and nothing is sent before that line came: a failure up to here means that the peer got nothing.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from corral.peers.address import Address
from corral.peers.transport import socket_options, tls
from corral.peers.transport.dial import Failed, Obstacle

HANDSHAKE_S: Final = 5.0
SHUTDOWN_S: Final = 0.5  # for the other side's goodbye, when a connection is closed in peace

P = TypeVar("P", bound=asyncio.Protocol)


async def connect(
    address: Address, context: ssl.SSLContext, certificate_der: bytes, protocol: Callable[[], P]
) -> P:
    """A connection to the machine with this certificate, in the hands of a new `protocol`. Raises Failed."""
    tcp = await _tcp(address)
    greeted: _Greeted[P] = _Greeted(certificate_der, protocol)
    made: P | None = None
    try:
        socket_options.prepare(tcp.get_extra_info("socket"))
        greeted.encrypted(await _tls(tcp, context, greeted))
        made = await greeted.heard
    except ssl.SSLCertVerificationError as error:
        raise Failed(Obstacle.NOT_TRUSTED, "another machine answers there") from error
    except ssl.SSLError as error:
        raise Failed(Obstacle.NOT_TRUSTED, "what answers there isn't a Corral machine") from error
    except OSError as error:
        raise _failed(error) from error
    finally:
        if made is None:
            tcp.abort()
    return made


async def _tcp(address: Address) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    failed = Failed(Obstacle.UNREACHABLE, "its name has no address")
    for host in await _literals(address):
        try:
            # The loop makes the socket: uvloop loses one that is given to it when connecting fails.
            transport, _ = await loop.create_connection(asyncio.Protocol, host, address.port)
        except OSError as error:
            failed = _failed(error)
        except UnicodeError as error:
            raise Failed(Obstacle.UNREACHABLE, "no such name") from error
        else:
            return transport
    raise failed


async def _literals(address: Address) -> list[str]:
    """The host, or what its name stands for; only names cost time."""
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        pass
    else:
        return [address.host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        raise Failed(Obstacle.UNREACHABLE, "no such name") from error
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


async def _tls(
    tcp: asyncio.Transport, context: ssl.SSLContext, protocol: asyncio.Protocol
) -> asyncio.Transport:
    if tcp.is_closing():
        raise ConnectionResetError("the connection ended")
    transport = await asyncio.get_running_loop().start_tls(
        tcp,
        protocol,
        context,
        server_hostname="",
        ssl_handshake_timeout=HANDSHAKE_S,
        ssl_shutdown_timeout=SHUTDOWN_S,
    )
    if transport is None or tls.shows(transport.get_extra_info("ssl_object")) is None:
        raise ConnectionResetError("the connection ended")
    return transport


def _failed(error: OSError) -> Failed:
    if isinstance(error, ConnectionRefusedError):
        return Failed(Obstacle.REFUSED, "nothing listens there")
    return Failed(Obstacle.UNREACHABLE, error.strerror or str(error) or "the connection ended")


class _Greeted(asyncio.Protocol, Generic[P]):
    """Checks the certificate, waits for the greeting, and hands the connection over in the same moment."""

    def __init__(self, certificate_der: bytes, protocol: Callable[[], P]) -> None:
        self.heard: asyncio.Future[P] = asyncio.get_running_loop().create_future()
        self._certificate_der = certificate_der
        self._protocol = protocol
        self._transport: asyncio.Transport | None = None
        self._got = b""

    def encrypted(self, transport: asyncio.Transport) -> None:
        """TLS is done; the greeting may be here already."""
        if tls.shows(transport.get_extra_info("ssl_object")) != self._certificate_der:
            self._fail("another machine answers there")
        else:
            self._transport = transport
            self._look()

    def data_received(self, data: bytes) -> None:
        self._got += data
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("it doesn't accept this machine as a member")

    def _look(self) -> None:
        if self._transport is None or self.heard.done():
            return
        if self._got == tls.GREETING:
            protocol = self._protocol()
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            self.heard.set_result(protocol)
        elif not tls.GREETING.startswith(self._got):
            self._fail("the machine there speaks another version; update both")

    def _fail(self, reason: str) -> None:
        if not self.heard.done():
            self.heard.set_exception(Failed(Obstacle.NOT_TRUSTED, reason))
            self.heard.exception()  # whoever waited may have been cancelled
