"""A peer whose process is killed or hangs."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from corral.peers.identity.identity import Identity
from corral.peers.transport.errors import PeerBroke, PeerRefused, PeerTimeout, PeerUnreachable
from corral.peers.transport.link import MOST_WAITING_BYTES
from tests.engines.waiting import until_gone
from tests.peers.transport.machines import SMALL_BYTES, Machine, read_on
from tests.peers.transport.peer_process import PeerProcess, peer_process

LIMIT_S = 10.0
_SYSTEM_BUFFERS_BYTES = 64 * 1024 * 1024  # more than Linux gives two sockets


@pytest_asyncio.fixture
async def victim(identities: list[Identity], alice: Machine) -> AsyncIterator[PeerProcess]:
    """A member in a process of its own, the third identity."""
    async with peer_process(identities[2], list(alice.members.values())) as process:
        alice.addresses[identities[2].node] = [process.address]
        yield process


async def test_killing_it_is_noticed_by_links_streams_and_requests(
    alice: Machine, victim: PeerProcess, identities: list[Identity]
) -> None:
    node = identities[2].node
    link = await alice.client.link(node, "/link")
    stream = await alice.client.open(node, "GET", "/endless")
    await alice.client.post(node, "/echo", b"kept", timeout_s=LIMIT_S)
    victim.send(signal.SIGKILL)

    await asyncio.wait_for(link.closed(), LIMIT_S)
    with pytest.raises(PeerBroke):
        await read_on(stream)
    await until_gone(victim.pid)  # a dying process closes its listening socket last
    with pytest.raises(PeerRefused):
        await alice.client.post(node, "/echo", b"", timeout_s=LIMIT_S)
    await link.aclose()


async def test_one_that_hangs_costs_no_more_than_the_time_given_and_no_memory_without_bound(
    alice: Machine, victim: PeerProcess, identities: list[Identity]
) -> None:
    node = identities[2].node
    link = await alice.client.link(node, "/link")
    await alice.client.post(node, "/echo", b"kept", timeout_s=LIMIT_S)
    victim.send(signal.SIGSTOP)

    with pytest.raises(PeerTimeout):
        await alice.client.post(node, "/echo", b"", timeout_s=0.2)
    with pytest.raises(PeerUnreachable, match="doesn't answer"):
        await alice.client.post(node, "/echo", b"", timeout_s=2.0)
    with pytest.raises(PeerBroke, match="doesn't read its link"):
        for _ in range((MOST_WAITING_BYTES + _SYSTEM_BUFFERS_BYTES) // SMALL_BYTES):
            await link.send(b"x" * SMALL_BYTES)
            await asyncio.sleep(0)
    await asyncio.wait_for(link.closed(), LIMIT_S)
    victim.send(signal.SIGCONT)
    assert await alice.client.post(node, "/echo", b"again", timeout_s=LIMIT_S) == b"again"
