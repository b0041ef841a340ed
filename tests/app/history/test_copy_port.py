"""Copying as it runs: the two loops, and the real peer port on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from corral.app.history import copy_wire as wire
from corral.app.history.copier import Copier
from corral.app.history.copy_route import CopyRoute
from corral.app.history.copy_source import CopySource
from corral.app.history.copy_store import CopyStore, Keeping
from corral.peers.address import Address
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered
from corral.peers.transport.server import PeerServer
from tests.app.history.copies import DAY_S, Machine, machines
from tests.app.history.records import NOW

DEADLINE_S = 20.0


async def until(machine: Machine, times: list[float]) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + DEADLINE_S
    while (found := await machine.times()) != times:
        assert clock() < deadline, f"{machine.node} has {found}"
        await asyncio.sleep(0.02)


async def test_the_loops(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        loops = [
            asyncio.create_task(loop())
            for machine in lan.machines.values()
            for loop in (machine.copying.run_telling, machine.copying.run_copying)
        ]
        try:
            await lan["a"].record(1, 2)
            await until(lan["b"], [2, 1])
            lan.split("ab", routers="b")
            await lan["b"].record(3)
            await until(lan["a"], [3, 2, 1])
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)


@asynccontextmanager
async def _port(source: CopySource, own: Identity, peer: Identity) -> AsyncIterator[int]:
    route = CopyRoute(source, may_copy=lambda node: node == peer.node)
    server = PeerServer(identity=own, host="127.0.0.1", port=0, routes=route.routes())
    await server.start([peer.certificate])
    try:
        yield server.port
    finally:
        await server.stop(grace_s=0.0)


async def test_over_the_peer_port(tmp_path: Path) -> None:
    router, standby = [await asyncio.to_thread(load_identity, tmp_path / name) for name in ("r", "s")]
    async with AsyncExitStack() as stack:
        lan = await stack.enter_async_context(machines(tmp_path, "a", "b"))
        body = b'{"input": "' + b"word " * 40_000 + b'"}'
        await lan["a"].record(*range(12), request_body=body)
        port = await stack.enter_async_context(_port(CopySource(lan["a"].database), router, standby))
        client = PeerClient(
            identity=standby,
            certificates={router.node: router.certificate}.get,
            addresses=lambda node: [Address("127.0.0.1", port)],
        )
        stack.push_async_callback(client.close)

        async def fetch(node: NodeId, path: str, body: bytes) -> bytes:
            return await client.post(node, path, body, timeout_s=DEADLINE_S)

        store = CopyStore(lan["b"].database, lambda: Keeping(retention_s=DAY_S), now=lambda: NOW)
        assert not await Copier(fetch, store, pause_s=0.0).copy(router.node)
        assert await lan["b"].times() == list(reversed(range(12)))
        assert await lan["b"].sums() == await lan["a"].sums()
        with pytest.raises(PeerAnswered):
            await fetch(router.node, wire.PAGE_PATH, b"nonsense")
