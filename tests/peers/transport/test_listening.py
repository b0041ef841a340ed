"""The sockets of the peer port."""

import contextlib
import socket

import pytest

from corral.peers.address import Address
from corral.peers.transport.listening import ListenError, listen
from tests.peers.transport.machines import Machine, Machines

LIMIT_S = 10.0


def test_every_address_means_both_families_with_one_port() -> None:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(each) for each in listen("", 0)]
        ports = {each.getsockname()[1] for each in made}

        assert len(ports) == 1
        assert {each.family for each in made} == {socket.AF_INET, socket.AF_INET6}


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_one_address_means_that_one(host: str, family: socket.AddressFamily) -> None:
    with contextlib.ExitStack() as stack:
        (made,) = (stack.enter_context(each) for each in listen(host, 0))

        assert (made.family, made.getsockname()[0]) == (family, host)


@pytest.mark.parametrize("host", ["", "127.0.0.1"])
def test_a_taken_port_says_what_to_change(host: str) -> None:
    expected = pytest.raises(ListenError, match="taken by another program")
    with socket.create_server(("127.0.0.1", 0)) as taken, expected:
        listen(host, taken.getsockname()[1])


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ListenError, match=r"Can't listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


async def test_a_peer_is_reached_over_both_families(alice: Machine, machines: Machines) -> None:
    bob = await machines.start(1, host="")

    for host in ("127.0.0.1", "::1"):
        alice.client.forget(bob.node)
        alice.knows(bob, Address(host, bob.server.port))
        assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
