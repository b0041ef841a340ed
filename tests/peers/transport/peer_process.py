"""A peer in a process of its own, which a test can stop and kill."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity, load_identity
from tests.engines.waiting import until_gone
from tests.peers.transport.machines import Machine


class PeerProcess:
    """Another machine."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.address = Address("127.0.0.1", port)

    def send(self, number: signal.Signals) -> None:
        """Stop, continue or kill it."""
        os.kill(self.pid, number)


@contextlib.asynccontextmanager
async def peer_process(identity: Identity, members: Sequence[Certificate]) -> AsyncIterator[PeerProcess]:
    """Starts one; kills it in the end."""
    spawn = multiprocessing.get_context("spawn")
    ready, told = spawn.Pipe()
    process = spawn.Process(target=run, args=(identity.path.parent, list(members), told), daemon=True)
    await asyncio.to_thread(process.start)
    assert process.pid is not None
    try:
        yield PeerProcess(process.pid, await asyncio.to_thread(ready.recv))
    finally:
        process.kill()
        await until_gone(process.pid)
        await asyncio.to_thread(process.join)
        for each in (ready, told, process):
            each.close()


def run(folder: Path, members: Sequence[Certificate], told: Connection) -> None:
    """Serve until killed; says its port."""
    asyncio.run(_serve(folder, members, told))


async def _serve(folder: Path, members: Sequence[Certificate], told: Connection) -> None:
    machine = Machine(await asyncio.to_thread(load_identity, folder), members)
    await machine.start()
    told.send(machine.server.port)
    await asyncio.Event().wait()
