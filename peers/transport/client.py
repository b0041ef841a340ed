"""Asking peers: one pool of kept-alive connections to all members."""

import asyncio
import io
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import aiohttp

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.transport.connector import PeerConnector, url
from corral.peers.transport.errors import (
    PeerAnswered,
    PeerBroke,
    PeerNotTrusted,
    PeerTimeout,
    PeerUnreachable,
)
from corral.peers.transport.link import GOODBYE_S, Link, LinkSocket
from corral.peers.transport.response import LOST, PeerResponse, was_never_sent

MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
CONNECT_S: Final = 1.0
_CONNECT_SHARE: Final = (
    0.7  # of the time for a post; less than all, so that it is known that nothing was sent
)
_MOST_CONNECT_S: Final = 3.0
_LINK_ANSWER_S: Final = 5.0
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_PIECE_BYTES: Final = 1024 * 1024  # longer bodies are sent in pieces
_READ_BYTES: Final = 256 * 1024


class PeerClient:
    """Talks to members, and only to machines that prove the certificate that `certificates` has for them.

    Made and used in one running loop. Proxies that the environment names are ignored; redirects aren't followed.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        certificates: Callable[[NodeId], Certificate | None],
        addresses: Callable[[NodeId], Sequence[Address]],
        on_proven: Callable[[NodeId, Address], None] = lambda node, address: None,
    ) -> None:
        """`on_proven` is told where a member proved who it is, at each new connection."""
        self._certificates = certificates
        self._connector = PeerConnector(
            identity=identity, certificates=certificates, addresses=addresses, on_proven=on_proven
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BYTES,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=_LINK_ANSWER_S),
            ws_response_class=LinkSocket,
        )
        self._closing = False
        self._session._retry_connection = False  # aiohttp would repeat GET, PUT and DELETE by itself

    async def post(
        self,
        node: NodeId,
        path: str,
        body: bytes,
        *,
        timeout_s: float,
        most_bytes: int = MOST_ANSWER_BYTES,
        headers: Mapping[str, str] = _NO_HEADERS,
        repeatable: bool = True,
    ) -> bytes:
        """The body of a 2xx answer; raises PeerAnswered for others, and the other PeerErrors.

        A connection that was kept may have been closed by the peer while the request was under way. So a post that is
        `repeatable` (harmless when handled twice, as heartbeats, pulls and votes are) is sent once more, on a new
        connection, if the first one ended without a byte of an answer.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=min(_CONNECT_SHARE * timeout_s, _MOST_CONNECT_S)
        )
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    response = await self._request(node, "POST", path, headers, body, timeout)
                except PeerBroke:
                    if not repeatable or self._closing:
                        raise
                    self._connector.drop(node, in_use=False)
                    response = await self._request(node, "POST", path, headers, body, timeout)
                answer = await response.read(most_bytes)
        except TimeoutError as error:
            raise PeerTimeout(node, f"no answer within {timeout_s:g} s") from error
        if not 200 <= response.status < 300:
            raise PeerAnswered(node, response.status, answer)
        return answer

    async def open(
        self,
        node: NodeId,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterable[bytes] = b"",
        connect_timeout_s: float = CONNECT_S,
        idle_timeout_s: float | None = None,
    ) -> PeerResponse:
        """The answer as soon as its headers are there, whatever its status. Sent once, never repeated.

        `idle_timeout_s` bounds each silence of the peer, the one before the headers too. Raises the PeerErrors, save
        PeerAnswered; the answer must be read to its end or closed.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s, sock_read=idle_timeout_s)
        return await self._request(node, method, path, headers, body, timeout)

    async def link(self, node: NodeId, path: str) -> Link:
        """Raises the PeerErrors; PeerAnswered if the peer has no such link."""
        self._check(node)
        try:
            socket = await self._session.ws_connect(
                url(node, path), max_msg_size=1, timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_S)
            )
        except aiohttp.WSServerHandshakeError as error:
            raise PeerAnswered(node, error.status, b"") from error
        except TimeoutError as error:
            raise PeerTimeout(node, "no answer to the opening of a link") from error
        except LOST as error:
            raise PeerBroke(node, "the connection ended when a link was opened") from error
        assert isinstance(socket, LinkSocket)
        return Link(node, socket)

    def forget(self, node: NodeId) -> None:
        """A peer was removed, which cuts all connections to it, or has another address, which cuts the idle ones."""
        if self._certificates(node) is None:
            self._connector.forget(node)
        else:
            self._connector.drop(node, in_use=False)

    async def close(self) -> None:
        """Cut everything. What is under way ends with PeerBroke."""
        self._closing = True
        await self._connector.cut_all()
        await self._session.close()

    async def _request(
        self,
        node: NodeId,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - a set of limits
    ) -> PeerResponse:
        try:
            try:
                response = await self._send(node, method, path, headers, body, timeout)
            except LOST as error:
                if not (_is_one_piece(body) and was_never_sent(error)):
                    raise
                self._connector.drop(node, in_use=False)
                response = await self._send(node, method, path, headers, body, timeout)
        except TimeoutError as error:
            raise PeerTimeout(node, "no answer in time") from error
        except LOST as error:
            raise PeerBroke(node, "the connection ended before it answered") from error
        return PeerResponse(node, response)

    async def _send(
        self,
        node: NodeId,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - a set of limits
    ) -> aiohttp.ClientResponse:
        self._check(node)
        return await self._session.request(
            method,
            url(node, path),
            data=_sendable(body),
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        )

    def _check(self, node: NodeId) -> None:
        if self._closing:
            raise PeerUnreachable(node, "this machine is shutting down")
        if self._certificates(node) is None:
            raise PeerNotTrusted(node, "it isn't a member of this cluster")


def _is_one_piece(body: bytes | AsyncIterable[bytes]) -> bool:
    """Whether it leaves in one write, together with the head."""
    return isinstance(body, bytes) and len(body) <= _PIECE_BYTES


def _sendable(body: bytes | AsyncIterable[bytes]) -> Any:
    return io.BytesIO(body) if isinstance(body, bytes) and not _is_one_piece(body) else body
