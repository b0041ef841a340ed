"""How long a cluster is without a router at most, in simulated time, and what peace costs."""

import itertools

import pytest

from tests.peers.election.bounds import BOUNDS, traffic
from tests.peers.election.simulated_network import Network

RUNS = {1: 20, 2: 40, 3: 30, 5: 20, 10: 8, 20: 6}  # by the number of nodes


@pytest.mark.parametrize("size", RUNS)
@pytest.mark.parametrize("name", BOUNDS)
def test_it_never_takes_longer(name: str, size: int) -> None:
    bound = BOUNDS[name]
    took = [bound.measure(Network(seed, size)) for seed in range(RUNS[size]) if size >= bound.least]
    assert max(took, default=0.0) <= bound.most_s(size)


@pytest.mark.parametrize("size", [2, 3, 10, 20])
def test_peace_costs_little(size: int) -> None:
    cost = traffic(size, seed=size)
    peers = size - 1
    assert 0 < cost.messages_s <= cost.most_messages_s <= 2.1 * peers
    assert cost.messages_s <= 7  # a large cluster's followers don't tell everybody
    assert cost.most_kbit_s < (20 if size <= 3 else 100)


def test_a_chain_of_machines_that_reach_only_their_neighbours_has_one_router() -> None:
    net = Network(3, 8)
    ids = list(net.nodes)
    net.split_all()
    for pair in itertools.pairwise(ids):
        net.cut -= {pair, pair[::-1]}
    net.start_all()
    assert net.settle(6) is not None
    net.run(net.now + 3)
    routers = net.reigning()
    for _ in range(100):
        net.run(net.now + 0.2)
        assert net.reigning() == routers
        assert net.disagreement() is None
    assert max(node.sent for node in net.nodes.values()) <= 4 * 7 * net.now


def test_a_router_and_many_followers_notice_the_death_of_any() -> None:
    net = Network(7, 20)
    net.start_all()
    net.settle(10)
    net.run(net.now + 20)
    router = net.reigning()[0]
    dead = next(node for node in net.nodes.values() if node is not router)
    net.kill(dead, host_stays=False)
    net.run(net.now + 3)
    assert len(net.elector(router).live_peers) == 18
    net.run(net.now + 12)
    assert all(dead.id not in net.elector(node).live_peers for node in net.nodes.values() if node.runs)
