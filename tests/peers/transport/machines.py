"""Machines of a cluster on loopback, each with a real peer port and a real client."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.response import PeerResponse
from corral.peers.transport.route import ANY, LinkRoute, PeerAnswer, PeerRequest, PeerRoute
from corral.peers.transport.server import PeerServer

SMALL_BYTES = 1000
LIMIT_S = 10.0


@dataclass(kw_only=True)
class Heard:
    """What a machine's handlers saw."""

    requests: list[PeerRequest] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    closed_bodies: int = 0
    sent_chunks: int = 0
    links: list[tuple[str, NodeId | bytes]] = field(default_factory=list)


async def read_on(response: PeerResponse) -> None:
    """Read an answer that never ends, until it does."""
    async with asyncio.timeout(LIMIT_S):
        async for _ in response.chunks():
            pass


class Machine:
    """One machine. Its handlers are the methods below."""

    def __init__(
        self, identity: Identity, members: Sequence[Certificate], *, host: str = "127.0.0.1"
    ) -> None:
        self.identity = identity
        self.node = identity.node
        self.members = {each.node: each for each in members}
        self.addresses: dict[NodeId, list[Address]] = {}
        self.heard = Heard()
        self.proven: list[tuple[NodeId, Address]] = []
        self.release = asyncio.Event()
        self.client = PeerClient(
            identity=identity,
            certificates=self.members.get,
            addresses=lambda node: self.addresses.get(node, []),
            on_proven=lambda node, address: self.proven.append((node, address)),
        )
        self.server = self._server(host, 0)

    @property
    def address(self) -> Address:
        """Of its peer port."""
        return Address("127.0.0.1", self.server.port)

    def knows(self, other: "Machine", *addresses: Address) -> None:
        """Where another machine is: where it is, unless told otherwise."""
        self.addresses[other.node] = list(addresses) or [other.address]

    async def trust(self, *others: "Machine") -> None:
        """These and itself are the members from now on."""
        self.members.clear()
        self.members.update({each.node: each.identity.certificate for each in (self, *others)})
        await self.server.set_members(list(self.members.values()))

    async def start(self) -> None:
        await self.server.start(list(self.members.values()))

    async def restart_server(self) -> None:
        """As after a crash of its process: on the same port."""
        port = self.server.port
        await self.server.stop(0)
        self.server = self._server("127.0.0.1", port)
        await self.start()

    async def stop(self) -> None:
        await self.client.close()
        await self.server.stop(0)

    def _server(self, host: str, port: int) -> PeerServer:
        def route(method: str, path: str, most_bytes: int = SMALL_BYTES) -> PeerRoute:
            handler = getattr(self, path.strip("/"))
            return PeerRoute(method=method, path=path, handler=handler, most_bytes=most_bytes)

        return PeerServer(
            identity=self.identity,
            host=host,
            port=port,
            routes=[
                route("POST", "/echo"),
                route(ANY, "/mirror/", 64 * 1024 * 1024),
                route("POST", "/count", 1 << 40),
                route("GET", "/endless"),
                route("POST", "/wait"),
                route("GET", "/broken"),
                route("GET", "/bug"),
                route("POST", "/refuse"),
                route("POST", "/unread", 1 << 40),
            ],
            links=[
                LinkRoute(
                    path="/link",
                    on_open=lambda peer: self.heard.links.append(("open", peer)),
                    on_message=self._on_message,
                    on_close=lambda peer: self.heard.links.append(("close", peer)),
                    most_bytes=SMALL_BYTES,
                )
            ],
        )

    def _on_message(self, peer: NodeId, message: bytes) -> None:
        if message == b"bug":
            raise RuntimeError("a bug in a callback")
        self.heard.links.append(("message", message))

    async def echo(self, request: PeerRequest) -> PeerAnswer:
        self.heard.requests.append(request)
        return PeerAnswer(headers={"x-peer": request.peer}, body=await request.read())

    async def mirror(self, request: PeerRequest) -> PeerAnswer:
        """Streams back what comes, as it comes."""
        self.heard.requests.append(request)
        return PeerAnswer(status=201, body=request.chunks())

    async def count(self, request: PeerRequest) -> PeerAnswer:
        """Reads when released."""
        self.heard.begun.set()
        await self.release.wait()
        size = 0
        async for chunk in request.chunks():
            size += len(chunk)
        return PeerAnswer(body=str(size).encode())

    async def endless(self, request: PeerRequest) -> PeerAnswer:
        async def body() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 10_000
                    self.heard.sent_chunks += 1
                    await asyncio.sleep(0)
            finally:
                self.heard.closed_bodies += 1

        return PeerAnswer(body=body())

    async def wait(self, request: PeerRequest) -> PeerAnswer:
        """Answers when released."""
        await request.read()
        self.heard.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.heard.cancelled.set()
            raise
        return PeerAnswer(body=b"released")

    async def broken(self, request: PeerRequest) -> PeerAnswer:
        async def body() -> AsyncIterator[bytes]:
            yield b"half of "
            raise RuntimeError("the other half can't be made")

        return PeerAnswer(body=body())

    async def bug(self, request: PeerRequest) -> PeerAnswer:
        raise RuntimeError("a secret detail")

    async def refuse(self, request: PeerRequest) -> PeerAnswer:
        return PeerAnswer(status=409, body=b"another term")

    async def unread(self, request: PeerRequest) -> PeerAnswer:
        return PeerAnswer(body=b"no need to read it")


class Machines:
    """Those of one test."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = identities
        self._started: list[Machine] = []

    async def start(self, number: int, *, host: str = "127.0.0.1") -> Machine:
        """All identities are members of it; it and those started before know each other's addresses."""
        made = Machine(self._identities[number], [each.certificate for each in self._identities], host=host)
        await made.start()
        for other in self._started:
            other.knows(made)
            made.knows(other)
        self._started.append(made)
        return made

    async def stop(self) -> None:
        await asyncio.gather(*(each.stop() for each in self._started))
