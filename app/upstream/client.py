"""Asking servers elsewhere over HTTP, on connections that are kept.

Usual requests over plain HTTP take the short way of `plain_client`, all others go by aiohttp: those with TLS, with a password
in the URL, or with a body that is long or comes in pieces.
"""

import asyncio
import io
import os
import socket
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from corral.app.upstream.errors import UpstreamBroke, UpstreamTimeout, UpstreamUnreachable
from corral.app.upstream.plain_client import CannotConnect, PlainClient, PlainResponse, is_plain
from corral.app.upstream.response import UpstreamResponse
from corral.app.upstream.server import TIMEOUT_S, Server

CONNECT_S: Final = 5.0
KEEP_CONNECTION_S: Final = 4.0  # uvicorn and llama-server close theirs after five
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_PIECE_BYTES: Final = 1024 * 1024  # longer bodies are sent in pieces
_READ_BYTES: Final = 256 * 1024
_MOST_HEAD_BYTES: Final = 64 * 1024
_LOST: Final = (aiohttp.ClientError, OSError)
_ENDED: Final = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
)
_NAMES_LAST_S: Final = 10
_UNREACHABLE: Final = (
    CannotConnect,
    aiohttp.ClientConnectorError,
    aiohttp.InvalidURL,
    aiohttp.ConnectionTimeoutError,
)


class Asking(Protocol):
    """What is needed of UpstreamClient to ask a server."""

    async def open(
        self,
        server: Server | str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterable[bytes] = b"",
        timeout_s: float | None = None,
    ) -> UpstreamResponse:
        """As UpstreamClient.open."""


class UpstreamClient:
    """Used in one loop, and closed at the end. Proxies that the environment names are ignored."""

    def __init__(self, *, connect_timeout_s: float = CONNECT_S) -> None:
        """Opens nothing yet."""
        self._connect_timeout_s = connect_timeout_s
        self._plain = PlainClient(keep_s=KEEP_CONNECTION_S)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def open(
        self,
        server: Server | str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterable[bytes] = b"",
        timeout_s: float | None = None,
    ) -> UpstreamResponse:
        """The answer as soon as its headers are there, whatever its status: to be read to its end or closed.

        `server` may be a base URL; a Server's key goes along as a bearer token. `timeout_s` bounds each silence, the
        one before the headers too; None: the server's own. Redirects aren't followed. Sent once, but again if a kept
        connection had ended. Raises UpstreamUnreachable, UpstreamTimeout and UpstreamBroke.
        """
        base, name, sent = (
            server,
            f"the server at {_host(server)}" if isinstance(server, str) else "",
            headers,
        )
        if isinstance(server, Server):
            base, name = server.base_url, f"the endpoint {server.name!r}"
            if timeout_s is None:
                timeout_s = server.timeout_s
            if server.api_key is not None:
                sent = {**headers, "authorization": f"Bearer {server.api_key}"}
        assert isinstance(base, str)
        wait_s = TIMEOUT_S if timeout_s is None else timeout_s
        try:
            return await self._send(name, method, _url(base, path), sent, body, wait_s)
        except _UNREACHABLE as error:
            raise UpstreamUnreachable(f"{name} can't be reached: {_reason(error)}") from error
        except TimeoutError as error:
            raise UpstreamTimeout(f"{name} gave no answer within {wait_s:g} s") from error
        except _LOST as error:
            raise UpstreamBroke(f"{name} ended the connection before it answered") from error

    async def close(self) -> None:
        """Cut everything; what is asked from now on can't be reached."""
        self._closed = True
        self._plain.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self,
        name: str,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        timeout_s: float,
    ) -> UpstreamResponse:
        if self._closed:
            raise UpstreamUnreachable("this node is stopping; ask again later")
        connect_s = min(self._connect_timeout_s, timeout_s)
        if isinstance(body, bytes) and is_plain(url, method, body):
            exchange = await self._plain.ask(
                url, method, headers, body, connect_timeout_s=connect_s, timeout_s=timeout_s
            )
            return PlainResponse(name, exchange, timeout_s=timeout_s)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=timeout_s)
        return _AiohttpResponse(name, await self._send_by_aiohttp(method, url, headers, body, limits))

    async def _send_by_aiohttp(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        connection = _Connection()
        while True:
            try:
                return await self._opened().request(
                    method,
                    url,
                    data=_sendable(body),
                    headers=headers,
                    timeout=limits,
                    allow_redirects=False,
                    trace_request_ctx=connection,
                )
            except _ENDED:
                # A kept connection may end while a request is under way: nobody has read it then.
                if not connection.kept or not isinstance(body, bytes):
                    raise
                connection.kept = False

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_reuseconn.append(_note_kept)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=KEEP_CONNECTION_S, ttl_dns_cache=_NAMES_LAST_S
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_AUTOMATIC,
                trust_env=False,
                read_bufsize=_READ_BYTES,
                max_line_size=_MOST_HEAD_BYTES,
                max_field_size=_MOST_HEAD_BYTES,
                trace_configs=[tracing],
            )
            self._session._retry_connection = False  # aiohttp would repeat GET and the like by itself
        return self._session


class _AiohttpResponse(UpstreamResponse):
    """The answer that aiohttp brings."""

    def __init__(self, name: str, response: aiohttp.ClientResponse) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        super().__init__(name, response.status, headers)
        self._response = response
        self._timed = True  # aiohttp watches the time

    async def piece(self) -> bytes:
        try:
            return await self._response.content.readany()
        except TimeoutError as error:
            await self.aclose()
            raise UpstreamTimeout(f"the answer of {self._name} stopped coming") from error
        except _LOST as error:
            await self.aclose()
            raise UpstreamBroke(f"{self._name} ended the connection in the middle of its answer") from error

    async def piece_within(self, wait_s: float) -> bytes | None:
        if self._timed:
            self._timed = False
            connection = self._response.connection
            if connection is not None and connection.protocol is not None:
                connection.protocol.read_timeout = None
        try:
            async with asyncio.timeout(wait_s):
                return await self.piece()
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        connection = self._response.connection  # None once the end of the body came
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()


@dataclass(slots=True)
class _Connection:
    """Of one request."""

    kept: bool = False  # from an earlier one


async def _note_kept(_session: object, context: SimpleNamespace, _parameters: object) -> None:
    context.trace_request_ctx.kept = True


@lru_cache(maxsize=1024)
def _url(base: str, path: str) -> URL:
    return URL(base + path)


def _host(base: str) -> str:
    """Without what may hold a secret."""
    return urlsplit(base).hostname or "an unknown host"


def _reason(error: Exception) -> str:
    """In words that hold nothing of this machine."""
    cause = error.__cause__ if isinstance(error, CannotConnect) else None
    if isinstance(error, aiohttp.ConnectionTimeoutError) or isinstance(cause, TimeoutError):
        return "it doesn't answer"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return "its name isn't known"
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "its certificate isn't valid here"
    if isinstance(error, aiohttp.InvalidURL):
        return "its address can't be read"
    failed = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else cause
    number = failed.errno if isinstance(failed, OSError) else None
    return os.strerror(number).lower() if number else "no connection"


def _sendable(body: bytes | AsyncIterable[bytes]) -> Any:
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > _PIECE_BYTES else body
