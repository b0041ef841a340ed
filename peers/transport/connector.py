"""Connections to peers for aiohttp: the host of a URL is a node id, and the pool keeps connections by node."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.errors import IdentityError
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.transport import handshake, tls
from corral.peers.transport.dial import dial
from corral.peers.transport.errors import PeerNotTrusted, PeerUnreachable

CONNECT_S: Final = 5.0  # unless the request says
KEEP_ALIVE_S: Final = 60.0  # less than the server's, so that it's this side that closes
_HANDSHAKES: Final = 8  # with one peer at the same time; less than the server takes from one address


def url(node: NodeId, path: str) -> URL:
    """The URL that the connector takes. Raises ValueError if `path` can't stand in a request line."""
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"not a path of a request: {path!r}")
    return URL(f"https://{node.lower()}{path}", encoded=True)


class PeerConnector(aiohttp.BaseConnector):
    """Raises PeerUnreachable, PeerRefused and PeerNotTrusted from `connect`."""

    def __init__(
        self,
        *,
        identity: Identity,
        certificates: Callable[[NodeId], Certificate | None],
        addresses: Callable[[NodeId], Sequence[Address]],
        on_proven: Callable[[NodeId, Address], None],
    ) -> None:
        """`on_proven` is told where a peer proved who it is."""
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self._identity = identity
        self._certificates = certificates
        self._addresses = addresses
        self._on_proven = on_proven
        self._peers: dict[NodeId, _Peer] = {}

    def drop(self, node: NodeId, *, in_use: bool) -> None:
        """Cut the idle connections to a peer, and those in use too if asked."""
        if (peer := self._peers.get(node)) is not None:
            for protocol in peer.open():
                if in_use or protocol not in self._acquired:
                    _cut(protocol)

    def forget(self, node: NodeId) -> None:
        """Cut everything, and know nothing of the peer any more."""
        self.drop(node, in_use=True)
        self._peers.pop(node, None)

    async def cut_all(self) -> None:
        """Cut all connections; returns when those that use them have been told."""
        protocols = [protocol for peer in self._peers.values() for protocol in peer.open()]
        told = [protocol.closed for protocol in protocols]
        for protocol in protocols:
            _cut(protocol)
        await asyncio.gather(*(each for each in told if each is not None), return_exceptions=True)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's name; only sock_connect is heeded
    ) -> Connection:
        """A kept connection, or a new one. Who waits for its turn to make one takes one that is kept by then."""
        if (kept := await self._get(req.connection_key, traces)) is not None:
            return kept
        node = _node(req)
        if (peer := self._peers.get(node)) is None:
            peer = self._peers[node] = _Peer(self._identity)
        until = self._loop.time() + (timeout.sock_connect or CONNECT_S)
        try:
            async with asyncio.timeout_at(until):
                await peer.handshakes.acquire()
        except TimeoutError as error:
            raise PeerUnreachable(node, "too many connections to it are being made") from error
        try:
            left = aiohttp.ClientTimeout(total=None, sock_connect=until - self._loop.time())
            return await super().connect(req, traces, left)
        finally:
            peer.handshakes.release()

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as in `connect`
    ) -> ResponseHandler:
        node = _node(req)
        peer, certificate = self._peers.get(node), self._certificates(node)
        if peer is None or certificate is None:
            raise PeerNotTrusted(node, "it isn't a member of this cluster")
        try:
            context = await peer.context(certificate)
        except IdentityError as error:
            raise PeerUnreachable(node, str(error)) from error
        address, protocol = await dial(
            node,
            self._addresses(node),
            lambda address: handshake.connect(address, context, certificate.der, self._factory),
            worked_last=peer.worked_last,
            timeout_s=timeout.sock_connect,
        )
        if self._peers.get(node) is not peer:
            _cut(protocol)
            raise PeerNotTrusted(node, "it was removed from this cluster")
        peer.keep(address, protocol)
        self._on_proven(node, address)
        return protocol


def _node(request: aiohttp.ClientRequest) -> NodeId:
    return NodeId((request.url.raw_host or "").upper())


def _cut(protocol: ResponseHandler) -> None:
    # Its own abort would leave those in the dark that wait for an answer.
    if protocol.transport is not None:
        protocol.transport.abort()


class _Peer:
    """What is known of one peer between connections."""

    def __init__(self, identity: Identity) -> None:
        self.worked_last: Address | None = None
        self.handshakes = asyncio.Semaphore(_HANDSHAKES)
        self._identity = identity
        self._context: tuple[Certificate, ssl.SSLContext] | None = None
        self._open: set[ResponseHandler] = set()

    def open(self) -> list[ResponseHandler]:
        """Its connections."""
        return [protocol for protocol in self._open if protocol.is_connected()]

    def keep(self, address: Address, protocol: ResponseHandler) -> None:
        """A connection was made."""
        self.worked_last = address
        self._open = {protocol, *self.open()}

    async def context(self, certificate: Certificate) -> ssl.SSLContext:
        """Raises IdentityError."""
        if self._context is None or self._context[0] != certificate:
            made = await asyncio.to_thread(tls.client_context, self._identity, certificate)
            self._context = certificate, made
        return self._context[1]
