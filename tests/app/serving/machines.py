"""A router and the peers that answer for it, over the real peer port on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from corral.app.gateway.admission import Admission
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint, EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import Pool, local_id
from corral.app.serving.infer_route import InferRoute
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.telemetry import Sample
from corral.engines.model import ModelFile
from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.server import PeerServer
from tests.engines.pools import running

CLAIM = "7.ROUTER"


class NoTelemetry:
    """Nothing was sampled yet."""

    latest: Sample | None = None


@dataclass(kw_only=True)
class Peer:
    """A machine that serves its pool at its peer port."""

    name: str
    identity: Identity
    pool: Pool
    experience: Experience
    server: PeerServer
    reporter: Reporter
    draining: bool = False

    @property
    def node(self) -> NodeId:
        return self.identity.node

    async def die(self) -> None:
        """As if its process were killed: every connection is cut, new ones are refused."""
        await self.server.stop(grace_s=0.0)


@dataclass(kw_only=True)
class Router:
    """The machine that clients ask."""

    identity: Identity
    client: PeerClient
    peers: PeerEndpoints
    experience: Experience
    admission: Admission
    gateway: Gateway
    own: list[Endpoint] = field(default_factory=list)  # endpoints of its own
    claim: str = CLAIM

    def endpoint(self, peer: Peer) -> Endpoint:
        (found,) = [each for each in self.peers.endpoints() if each.id == f"peer:{peer.node}"]
        return found


@dataclass(kw_only=True)
class Lan:
    """Who is there."""

    router: Router
    peers: Sequence[Peer]

    def beat(self) -> None:
        """One round of heartbeats, with the static parts that are wanted."""
        for peer in self.peers:
            if self.router.peers.hear(peer.node, peer.reporter.live(), None):
                assert not self.router.peers.hear(peer.node, peer.reporter.live(), peer.reporter.static())
        self.router.peers.set_live([peer.node for peer in self.peers])


@asynccontextmanager
async def lan(
    folder: Path,
    *pools: Pool,
    keep_alive_s: float = 5.0,
    idle_timeout_s: float = 15.0,
    accepts: Callable[[str], bool] = lambda claim: claim == CLAIM,
    sha256: Callable[[ModelFile], str] = lambda _file: "",
) -> AsyncIterator[Lan]:
    """A router, and a peer for each pool; all have heard of each other."""
    async with AsyncExitStack() as stack:
        own = await _identity(folder / "router")
        peers = [
            await stack.enter_async_context(
                _peer(
                    folder,
                    f"peer{number}",
                    pool,
                    own,
                    keep_alive_s=keep_alive_s,
                    accepts=accepts,
                    sha256=sha256,
                )
            )
            for number, pool in enumerate(pools)
        ]
        router = await stack.enter_async_context(_router(own, peers, idle_timeout_s))
        there = Lan(router=router, peers=peers)
        there.beat()
        yield there


@asynccontextmanager
async def echo_lan(folder: Path, *, count: int = 2) -> AsyncIterator[Lan]:
    """The same with real pools, whose models are the echo models in `folder`."""
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(running(folder)) for _ in range(count)]
        yield await stack.enter_async_context(lan(folder, *pools))


async def _identity(folder: Path) -> Identity:
    def load() -> Identity:
        folder.mkdir(exist_ok=True)
        return load_identity(folder)

    return await asyncio.to_thread(load)


@asynccontextmanager
async def _peer(
    folder: Path,
    name: str,
    pool: Pool,
    router: Identity,
    *,
    keep_alive_s: float,
    accepts: Callable[[str], bool],
    sha256: Callable[[ModelFile], str],
) -> AsyncIterator[Peer]:
    identity, experience = await _identity(folder / name), Experience()
    route = InferRoute(
        pool=pool,
        accepts=accepts,
        endpoint=local_id(name),
        experience=experience,
        keep_alive_s=keep_alive_s,
    )
    server = PeerServer(identity=identity, host="127.0.0.1", port=0, routes=[route.route()])
    reporter = Reporter(
        pool=pool,
        telemetry=NoTelemetry(),
        endpoint=local_id(name),
        experience=experience,
        sha256=sha256,
        draining=lambda: peer.draining,
    )
    peer = Peer(
        name=name, identity=identity, pool=pool, experience=experience, server=server, reporter=reporter
    )
    await server.start([router.certificate])
    try:
        yield peer
    finally:
        await server.stop(grace_s=0.0)


@asynccontextmanager
async def _router(own: Identity, peers: Sequence[Peer], idle_timeout_s: float) -> AsyncIterator[Router]:
    certificates: dict[NodeId, Certificate] = {peer.node: peer.identity.certificate for peer in peers}
    ports = {peer.node: peer.server.port for peer in peers}
    names = {peer.node: peer.name for peer in peers}
    client = PeerClient(
        identity=own,
        certificates=certificates.get,
        addresses=lambda node: [Address("127.0.0.1", ports[node])],
    )
    experience, admission = Experience(), Admission()
    endpoints = PeerEndpoints(
        client=client,
        name_of=lambda node: names[node],
        claim=lambda: router.claim,
        experience=experience,
        idle_timeout_s=idle_timeout_s,
    )
    gateway = Gateway(
        endpoints=lambda: [*router.own, *endpoints.endpoints()],
        admission=admission,
        chooser=Chooser(admission=admission, experience=experience),
    )
    router = Router(
        identity=own,
        client=client,
        peers=endpoints,
        experience=experience,
        admission=admission,
        gateway=gateway,
    )
    try:
        yield router
    finally:
        await client.close()


def id_of(peer: Peer) -> EndpointId:
    """How the router calls a peer's endpoint."""
    return EndpointId(f"peer:{peer.node}")
