"""Asks servers over plain HTTP/1.1 on connections that are kept: the short way of most requests to machines of a LAN."""

import asyncio
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import aiohappyeyeballs
from yarl import URL

from corral.app.http1.header_lines import header_lines
from corral.app.upstream.errors import UpstreamBroke, UpstreamTimeout
from corral.app.upstream.exchange import Exchange, UpstreamConnection
from corral.app.upstream.response import UpstreamResponse

MOST_BODY_BYTES: Final = 1024 * 1024
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_NEXT_ADDRESS_S: Final = 0.25  # RFC 8305
_NO_ENCODING: Final = {"accept-encoding": "identity"}

Place = tuple[str, int]


class CannotConnect(Exception):
    """The reason is its cause: an OSError."""


class PlainClient:
    """Used in one loop, and closed at the end."""

    def __init__(self, *, keep_s: float) -> None:
        """An unused connection is kept so long."""
        self._keep_s = keep_s
        self._free: dict[Place, deque[tuple[float, UpstreamConnection]]] = {}
        self._places: dict[UpstreamConnection, Place] = {}  # of all that are open
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def ask(
        self,
        url: URL,
        method: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_timeout_s: float,
        timeout_s: float,
    ) -> Exchange:
        """The answer as soon as its head is there. Sent once, but again if a kept connection had ended.

        Raises CannotConnect, TimeoutError for a silence of `timeout_s`, and ConnectionError.
        """
        place = url.raw_host or "", url.port or 80
        request = _request(url, method, headers, body)
        while True:
            connection = self._kept(place)
            is_kept = connection is not None
            if connection is None:
                connection = await self._connected(place, connect_timeout_s)
            exchange = connection.begin(request)
            try:
                await exchange.until_head(timeout_s)
            except ConnectionError:
                exchange.close()
                if is_kept and not exchange.begun and not self._closed:
                    continue  # nobody has read it
                raise
            except BaseException:
                exchange.close()
                raise
            return exchange

    def close(self) -> None:
        """Cut everything."""
        self._closed = True
        for connection in list(self._places):
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()

    def _kept(self, place: Place) -> UpstreamConnection | None:
        free = self._free.get(place)
        oldest = asyncio.get_running_loop().time() - self._keep_s
        while free:
            since, connection = free.pop()  # the one used last
            if since < oldest:
                connection.close()
            elif connection.is_usable:
                return connection
        return None

    async def _connected(self, place: Place, timeout_s: float) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                connected = await aiohappyeyeballs.start_connection(
                    await _addresses(place), loop=loop, happy_eyeballs_delay=_NEXT_ADDRESS_S
                )
        except OSError as error:
            raise CannotConnect from error
        except UnicodeError as error:  # a name that can't be one
            raise CannotConnect from socket.gaierror(socket.EAI_NONAME, str(error))
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                lambda: UpstreamConnection(self._released), sock=connected
            )
        except BaseException:
            connected.close()
            raise
        if connection.lost:
            connected.detach()  # closed already, and the number may be somebody else's by now
        else:
            self._places[connection] = place
        if self._closed:
            connection.abort()
        return connection

    def _released(self, connection: UpstreamConnection) -> None:
        place = self._places.get(connection)
        if connection.lost or place is None:
            self._places.pop(connection, None)
            return
        loop = asyncio.get_running_loop()
        self._free.setdefault(place, deque()).append((loop.time(), connection))
        if self._sweep is None:
            self._sweep = loop.call_later(self._keep_s, self._close_old)

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._keep_s
        for place, free in list(self._free.items()):
            while free and (free[0][0] <= oldest or not free[0][1].is_usable):
                free.popleft()[1].close()
            if not free:
                del self._free[place]
        self._sweep = loop.call_later(self._keep_s, self._close_old) if self._free else None


class PlainResponse(UpstreamResponse):
    """The answer that an exchange brings."""

    def __init__(self, name: str, exchange: Exchange, *, timeout_s: float) -> None:
        super().__init__(name, exchange.status, exchange.headers)
        self._exchange = exchange
        self._timeout_s = timeout_s

    async def piece(self) -> bytes:
        piece = await self.piece_within(self._timeout_s)
        if piece is None:
            self._exchange.close()
            raise UpstreamTimeout(f"the answer of {self._name} stopped coming")
        return piece

    async def piece_within(self, wait_s: float) -> bytes | None:
        try:
            return await self._exchange.piece(wait_s)
        except TimeoutError:
            return None
        except ConnectionError as error:
            self._exchange.close()
            raise UpstreamBroke(f"{self._name} ended the connection in the middle of its answer") from error

    async def aclose(self) -> None:
        self._exchange.close()


async def _addresses(place: Place) -> Sequence[aiohappyeyeballs.AddrInfoType]:
    host, port = place
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def is_plain(url: URL, method: str, body: bytes) -> bool:
    """Whether a request can go this way."""
    return (
        url.scheme == "http"
        and bool(url.raw_host)
        and url.raw_user is None
        and url.raw_password is None
        and method in _METHODS
        and len(body) <= MOST_BODY_BYTES
    )


def _request(url: URL, method: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Raises ValueError for a header that can't be sent."""
    sent = {"host": url.host_port_subcomponent or "", **_NO_ENCODING, **headers}
    if body or method != "GET":
        sent["content-length"] = str(len(body))
    return f"{method} {url.raw_path_qs} HTTP/1.1\r\n{header_lines(sent)}\r\n".encode() + body
