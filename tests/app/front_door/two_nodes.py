"""A follower and a router, each with its HTTP side and echo models, joined by a real peer port."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corral.app.api.origins import host_allowed
from corral.app.front_door.door import FrontDoor
from corral.app.front_door.exchange import Application
from corral.app.front_door.relay import Cluster
from corral.app.front_door.relay_route import RelayRoute
from corral.app.front_door.routing import HERE, NOBODY, Routing, There
from corral.app.gateway.auth import Authenticator
from corral.app.local_token import KeysWithLocalToken
from corral.app.server import Server
from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.server import PeerServer
from tests.app.api.serving import Serving, serving
from tests.app.front_door.tcp_wire import Wire
from tests.engines.echo_files import write_echo

LOCAL_TOKEN = "the-followers-own-token"
FOLLOWER_HOST = "lappy.local"  # a name of the follower's, which the router doesn't know


class Board:
    """Who is router, as one node sees it; tests write it."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._changed = asyncio.Event()
        self.waiting = 0  # requests that are held

    def now(self) -> Routing:
        return self._routing

    def write(self, routing: Routing) -> None:
        self._routing = routing
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, timeout_s: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return
        finally:
            self.waiting -= 1


@dataclass(kw_only=True)
class Far:
    """A node that can be router: its HTTP side and its peer port, behind a wire."""

    node: Serving
    identity: Identity
    wire: Wire
    board: Board = field(default_factory=lambda: Board(HERE))

    @property
    def there(self) -> There:
        """As others see it when it is router."""
        return There(self.identity.node, claim="1:x")


@dataclass(kw_only=True)
class Cluster2:
    """The follower's own side is `near`; `door` is the same node through its front door."""

    near: Serving
    door: Serving
    front_door: FrontDoor
    peers: PeerClient
    board: Board
    router: Far
    standby: Far | None = None


def new_folders(folder: Path) -> tuple[Path, Path]:
    """For a node, and for its identity."""
    (folder / "identity").mkdir(parents=True)
    return folder, folder / "identity"


@asynccontextmanager
async def far_node(
    folder: Path,
    member: Certificate,
    echo: dict[str, object],
    options: dict[str, Any],
    app: Application | None,
) -> AsyncIterator[Far]:
    """A node that answers what `member` relays; `app` stands in for its HTTP side."""
    async with AsyncExitStack() as stack:
        folder, own = new_folders(folder)
        write_echo(folder, "parrot", **echo)
        node = await stack.enter_async_context(serving(folder, **options))
        identity = await asyncio.to_thread(load_identity, own)
        far = Far(node=node, identity=identity, wire=Wire(0))
        relay = RelayRoute(app=app or node.app, routing=far.board.now, name_of=lambda _: "lappy")
        server = PeerServer(identity=identity, host="127.0.0.1", port=0, routes=[relay.route()])
        await server.start([member])
        stack.push_async_callback(server.stop, 0.0)
        far.wire.to_port = server.port
        await stack.enter_async_context(far.wire.laid())
        yield far


@asynccontextmanager
async def door_of(
    near: Serving, identity: Identity, others: Sequence[Far], board: Board, **settings: Any
) -> AsyncIterator[tuple[Serving, FrontDoor, PeerClient]]:
    """The front door of a follower on a port of its own. `settings`: hold_s, idle_s, trust_loopback."""
    known = {each.identity.node: each for each in others}

    def certificates(node: NodeId) -> Certificate | None:
        return known[node].identity.certificate if node in known else None

    peers = PeerClient(
        identity=identity,
        certificates=certificates,
        addresses=lambda node: [Address("127.0.0.1", known[node].wire.port)],
    )
    try:
        async with _served(near, board, peers, **settings) as (door, front_door):
            yield door, front_door, peers
    finally:
        await peers.close()


@asynccontextmanager
async def _served(
    near: Serving, board: Board, peers: PeerClient, *, trust_loopback: bool = False, **settings: Any
) -> AsyncIterator[tuple[Serving, FrontDoor]]:
    authenticator = Authenticator(
        keys=KeysWithLocalToken(keys=near.api_keys, token=LOCAL_TOKEN),
        sessions=near.people.sessions,
        trust_loopback=trust_loopback,
    )
    door = FrontDoor(
        app=near.app,
        cluster=Cluster(routing=board.now, changed=board.changed, peers=peers, **settings),
        vouched=authenticator.vouched,
        host_ok=lambda host: host_allowed(host, {FOLLOWER_HOST}),
    )
    server = Server(app=door, host="127.0.0.1", port=0, grace_s=1.0)
    await server.start()
    try:
        yield replace(near, url=f"http://127.0.0.1:{server.port}"), door
    finally:
        await server.stop()


@asynccontextmanager
async def two_nodes(
    folder: Path,
    *,
    standby: bool = False,
    router: dict[str, Any] | None = None,
    echo: dict[str, object] | None = None,
    app: Application | None = None,
    **settings: Any,
) -> AsyncIterator[Cluster2]:
    """`router`: options of its HTTP side; `echo`: settings of its model; `app`: instead of the router's HTTP side;
    `settings`: see `door_of`."""
    async with AsyncExitStack() as stack:
        folder_near, own = new_folders(folder / "near")
        near = await stack.enter_async_context(serving(folder_near))
        identity = await asyncio.to_thread(load_identity, own)
        far = [
            await stack.enter_async_context(
                far_node(
                    folder / name,
                    identity.certificate,
                    echo or {},
                    router or {},
                    app if name == "far" else None,
                )
            )
            for name in ("far", "standby")[: 1 + standby]
        ]
        board = Board(far[0].there)
        door, front_door, peers = await stack.enter_async_context(
            door_of(near, identity, far, board, **settings)
        )
        yield Cluster2(
            near=near,
            door=door,
            front_door=front_door,
            peers=peers,
            board=board,
            router=far[0],
            standby=far[1] if standby else None,
        )


__all__ = ["FOLLOWER_HOST", "HERE", "LOCAL_TOKEN", "NOBODY", "Board", "Cluster2", "Far", "two_nodes"]
