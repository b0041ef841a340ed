"""How long things take in the simulation, by the size of the cluster: `python -m tests.peers.election.bounds`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from corral.peers.election.elector import State
from corral.peers.election.messages import encode
from corral.peers.ids import NodeId
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import SimulatedNode

STEP_S = 0.005
NEVER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is measured, in how many nodes at least, and how long it may take by the number of nodes."""

    measure: Callable[[Network], float]
    least: int
    most_s: Callable[[int], float]


def cold_start(net: Network) -> float:
    """All start at once: until all agree on a router."""
    net.start_all()
    return _until(net, lambda: net.disagreement() is None)


def crash(net: Network) -> float:
    """The router's machine loses power: until there is another one."""
    _begin(net)
    net.kill(_router(net), host_stays=False)
    return _until(net, lambda: bool(net.reigning()))


def killed(net: Network) -> float:
    """The router's program ends, and its port refuses connections: until there is another one."""
    _begin(net)
    net.kill(_router(net))
    return _until(net, lambda: bool(net.reigning()))


def heal(net: Network) -> float:
    """Two parts with a router each meet, and there is never none: until all agree."""
    _begin(net)
    ids = list(net.nodes)
    net.split(ids[: max(1, len(ids) * 2 // 5)])
    _until(net, lambda: net.disagreement() is None)
    net.run(net.now + 12)
    net.watched = frozenset(ids)
    net.mend()
    return _until(net, lambda: net.disagreement() is None)


def drain(net: Network) -> float:
    """The router is about to stop, and there is never none: until another one reigns alone."""
    _begin(net)
    net.watched = frozenset(net.nodes)
    router = _router(net)
    elector = net.elector(router)
    net.call(router, elector.drain(router.clock(net.now)))
    return _until(net, lambda: elector.state is State.FOLLOWING and len(net.reigning()) == 1)


def handover(net: Network) -> float:
    """The router hands over to a certain member: until that one reigns alone."""
    _begin(net)
    net.watched = frozenset(net.nodes)
    router = _router(net)
    heir = next(node for node in net.nodes.values() if node is not router)
    net.call(router, net.elector(router).handover(heir.id, router.clock(net.now)))
    return _until(net, lambda: net.reigning() == [heir])


BOUNDS = {
    "cold start": Bound(measure=cold_start, least=1, most_s=lambda nodes: 4.5 if nodes > 1 else 1.0),
    "crash": Bound(measure=crash, least=2, most_s=lambda nodes: 3.2),
    "killed": Bound(measure=killed, least=2, most_s=lambda nodes: 1.0),
    "heal": Bound(measure=heal, least=2, most_s=lambda nodes: 2.0 if nodes <= 5 else 2.2),
    "drain": Bound(measure=drain, least=2, most_s=lambda nodes: 0.1),
    "handover": Bound(measure=handover, least=2, most_s=lambda nodes: 0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What a node of a settled cluster sends, on average and at most, without what the connection adds."""

    messages_s: float
    most_messages_s: float
    kbit_s: float
    most_kbit_s: float


def traffic(size: int, seed: int) -> Traffic:
    """Of half a minute in peace, with ids as long as they are."""
    net = Network(seed, size, ids=[NodeId(f"{number:052d}") for number in range(size)])
    _begin(net)
    net.run(net.now + 15)
    before = {id: (node.sent, node.sent_bytes) for id, node in net.nodes.items()}
    net.measure = lambda message: len(encode(message))
    net.run(net.now + 30)
    sent = [(node.sent - before[id][0], node.sent_bytes - before[id][1]) for id, node in net.nodes.items()]
    return Traffic(
        messages_s=sum(count for count, _ in sent) / 30 / size,
        most_messages_s=max(count for count, _ in sent) / 30,
        kbit_s=sum(size for _, size in sent) * 8 / 1000 / 30 / size,
        most_kbit_s=max(size for _, size in sent) * 8 / 1000 / 30,
    )


def _begin(net: Network) -> None:
    net.start_all()
    _until(net, lambda: net.disagreement() is None)
    net.run(net.now + 12 + net.random.random())


def _router(net: Network) -> SimulatedNode:
    return net.reigning()[0]


def _until(net: Network, condition: Callable[[], bool]) -> float:
    began = net.now
    while not condition():
        if net.now - began > NEVER_S:
            return NEVER_S
        net.run(net.now + STEP_S)
    return net.now - began


def main() -> None:
    """Print a table: median, 99th percentile and maximum in seconds."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for loss in (0.0, 0.1):
        for name, bound in BOUNDS.items():
            for size in (1, 2, 3, 5, 10, 20):
                if size < bound.least:
                    continue
                count = max(runs // size, 20)
                took = sorted(bound.measure(Network(seed, size, loss=loss)) for seed in range(count))
                p50, p99 = took[count // 2], took[min(count * 99 // 100, count - 1)]
                print(
                    f"{name:10} loss {loss:.0%} {size:2} nodes, {count:4} runs: {p50:.2f} {p99:.2f} {took[-1]:.2f} s"
                )
    for size in (2, 3, 5, 10, 20):
        print(size, "nodes:", traffic(size, 1))


if __name__ == "__main__":
    main()
