"""One of two members of a cluster, without governance: what `bench.front_door` measures.

`python -m bench.front_door_member ROLE FOLDER PORT PEER_PORT` serves until its input ends. The folder holds `models` and the
identities of both, `router` and `follower`; the peer port is the router's.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from bench.bare_server import bare_app
from corral.app.front_door.door import FrontDoor
from corral.app.front_door.relay import Cluster
from corral.app.front_door.relay_route import RelayRoute
from corral.app.front_door.routing import HERE, Routing, There
from corral.app.server import Server, loop_factory
from corral.peers.address import Address
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.transport.client import PeerClient
from corral.peers.transport.server import PeerServer

ROUTER, FOLLOWER = "router", "follower"
HOST = "127.0.0.1"


async def serve(role: str, folder: Path, port: int, peer_port: int) -> None:
    """Until the input ends."""
    router, follower = await asyncio.to_thread(identities, folder)
    routing: Routing = HERE if role == ROUTER else There(router.node, claim="1")
    app, pool = bare_app(folder / "models")
    async with AsyncExitStack() as stack:
        await pool.start()
        stack.push_async_callback(pool.stop)
        if role == ROUTER:
            relay = RelayRoute(app=app, routing=lambda: routing, name_of=str)
            peer_port_server = PeerServer(identity=router, host=HOST, port=peer_port, routes=[relay.route()])
            await peer_port_server.start([follower.certificate])
            stack.push_async_callback(peer_port_server.stop, 0.0)
        peers = PeerClient(
            identity=follower,
            certificates=lambda node: router.certificate,
            addresses=lambda node: [Address(HOST, peer_port)],
        )
        stack.push_async_callback(peers.close)
        door = FrontDoor(
            app=app,
            cluster=Cluster(routing=lambda: routing, changed=asyncio.sleep, peers=peers),
            vouched=lambda asking: None,
            host_ok=lambda host: True,
        )
        server = Server(app=door, handler_of=door.plain, host=HOST, port=port)
        await server.start()
        stack.push_async_callback(server.stop)
        await asyncio.to_thread(sys.stdin.buffer.read)


def identities(folder: Path) -> tuple[Identity, Identity]:
    """Of the router and the follower; made at the first call."""
    return load_identity(folder / ROUTER), load_identity(folder / FOLLOWER)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
