"""Hypothesis looks for histories that end badly, and makes them short."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from corral.peers.election.errors import HandoverImpossible
from corral.peers.election.preference import Preference
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import Broken, SimulatedNode

SETTLE_S = 6.0

numbers = st.integers(0, 7)
seconds = st.sampled_from((0.1, 0.5, 1.0, 2.0, 5.0))


class Cluster(RuleBasedStateMachine):
    """Whatever happens to up to five nodes: when it ends, there is one router, and it stays."""

    net: Network

    @initialize(seed=st.integers(0, 2**16), size=st.integers(1, 5), loss=st.sampled_from((0.0, 0.1)))
    def begin(self, seed: int, size: int, loss: float) -> None:
        self.net = Network(seed, size, loss=loss)
        self.net.backlog = seed % 4
        self.net.start_all()

    def node(self, number: int) -> SimulatedNode:
        nodes = list(self.net.nodes.values())
        return nodes[number % len(nodes)]

    @rule(passing=seconds)
    def pass_time(self, passing: float) -> None:
        self.net.run(self.net.now + passing)

    @rule(number=numbers, host_stays=st.booleans())
    def crash(self, number: int, host_stays: bool) -> None:
        self.net.kill(self.node(number), host_stays=host_stays)

    @precondition(lambda self: any(node.elector is None for node in self.net.nodes.values()))
    @rule(number=numbers)
    def restart(self, number: int) -> None:
        self.net.start(self.node(number))

    @rule(number=numbers)
    def sleep(self, number: int) -> None:
        self.net.sleep(self.node(number))

    @precondition(lambda self: any(node.asleep for node in self.net.nodes.values()))
    @rule(number=numbers, told=st.booleans())
    def wake(self, number: int, told: bool) -> None:
        self.net.wake(self.node(number), told=told)

    @rule(side=st.sets(numbers))
    def split(self, side: set[int]) -> None:
        self.net.split({self.node(number).id for number in side})

    @rule(links=st.sets(st.tuples(numbers, numbers), max_size=6))
    def cut(self, links: set[tuple[int, int]]) -> None:
        self.net.cut = {(self.node(a).id, self.node(b).id) for a, b in links}

    @rule()
    def mend(self) -> None:
        self.net.mend()

    @rule(number=numbers, by_s=st.sampled_from((0.5, 3.0, -0.5, -10.0)))
    def jump(self, number: int, by_s: float) -> None:
        self.node(number).jump(by_s)

    @rule(number=numbers, prio=st.sampled_from((10, 50, 100)), pinned=st.booleans(), eligible=st.booleans())
    def prefer(self, number: int, prio: int, pinned: bool, eligible: bool) -> None:
        node = self.node(number)
        if node.runs:
            node.preference = Preference(prio=prio, pinned=pinned, eligible=eligible)
            elector = self.net.elector(node)
            self.net.call(node, elector.set_preference(node.preference, node.clock(self.net.now)))

    @rule(number=numbers, back=st.booleans())
    def drain(self, number: int, back: bool) -> None:
        node = self.node(number)
        if node.runs:
            elector, shown = self.net.elector(node), node.clock(self.net.now)
            self.net.call(node, elector.cancel_drain(shown) if back else elector.drain(shown))

    @rule(number=numbers, to=st.none() | numbers)
    def hand_over(self, number: int, to: int | None) -> None:
        node = self.node(number)
        if node.runs:
            heir = None if to is None else self.node(to).id
            try:
                self.net.call(node, self.net.elector(node).handover(heir, node.clock(self.net.now)))
            except HandoverImpossible:
                return

    def teardown(self) -> None:
        if not hasattr(self, "net"):
            return
        net = self.net
        net.loss = 0.0
        net.mend()
        for node in net.nodes.values():
            net.wake(node)
            net.start(node)
            net.call(node, net.elector(node).cancel_drain(node.clock(net.now)))
        net.run(net.now + 0.4)
        if net.settle(SETTLE_S) is None:
            raise Broken(f"after {SETTLE_S} s {net.disagreement()}")
        net.run(net.now + 1)
        routers = net.reigning()
        net.run(net.now + 5)
        assert net.reigning() == routers
        assert net.disagreement() is None


TestCluster = Cluster.TestCase
TestCluster.settings = settings(
    max_examples=200,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
