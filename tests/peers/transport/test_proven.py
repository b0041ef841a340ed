"""Where a member proved who it is."""

import pytest

from corral.peers.transport.errors import PeerNotTrusted
from tests.peers.transport.machines import Machine, Machines
from tests.peers.transport.rogues import closed_port

LIMIT_S = 10.0


async def test_the_address_that_works_is_told_once_for_each_connection(alice: Machine, bob: Machine) -> None:
    with closed_port() as nobody:
        alice.knows(bob, nobody, bob.address)
        for _ in range(3):
            await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    assert alice.proven == [(bob.node, bob.address)]


async def test_an_address_of_somebody_else_proves_nothing(
    machines: Machines, alice: Machine, bob: Machine
) -> None:
    carol = await machines.start(2)
    alice.knows(bob, carol.address)
    with pytest.raises(PeerNotTrusted):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    assert alice.proven == []
