"""What can go wrong in a simulated cluster, and what people do to it."""

import random
from collections.abc import Callable

from corral.peers.election.errors import HandoverImpossible
from corral.peers.election.messages import ClaimRef
from corral.peers.election.preference import Preference
from corral.peers.ids import NodeId
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import SimulatedNode

Fault = Callable[[], object]


def any_preference(rng: random.Random) -> Preference:
    """Some are preferred, few never reign."""
    prio = rng.choice((10, 50, 50, 100))
    return Preference(prio=prio, pinned=rng.random() < 0.1, eligible=rng.random() < 0.95)


class Faults:
    """Each method does one thing to a machine or a link that chance picks."""

    def __init__(self, net: Network, rng: random.Random) -> None:
        self.net = net
        self.random = rng
        self.all = list(net.nodes.values())

    def all_kinds(self) -> list[Fault]:
        """As often as they should come, by a fair choice."""
        return [
            self.crash,
            self.crash,
            self.sleep,
            self.sleep_router,
            self.partition,
            self.mesh,
            self.mesh,
            self.graph,
            self.one_way,
            self.jump_clock,
            self.hand_over,
            self.drain_for_a_while,
            self.change_preference,
            self.crash_losing_disk,
        ]

    def any(self) -> SimulatedNode:
        """A machine."""
        return self.random.choice(self.all)

    def router(self) -> SimulatedNode:
        """A machine that reigns, or any."""
        return self.random.choice(self.net.reigning() or self.all)

    def crash(self) -> None:
        """A program ends, and starts again later."""
        node = self.random.choice((self.any(), self.router()))
        self.net.kill(node, host_stays=self.random.random() < 0.5)
        self.net.at(self.net.now + self.random.uniform(0.05, 6), self.net.start, node)

    def crash_losing_disk(self) -> None:
        """The same, and its disk is empty then."""
        node = self.any()
        self.net.kill(node)
        node.lose_disk()
        self.net.forget_reigns(node)
        self.net.at(self.net.now + self.random.uniform(0.05, 6), self.net.start, node)

    def sleep(self, node: SimulatedNode | None = None) -> None:
        """A machine sleeps for a while."""
        node = node or self.any()
        self.net.sleep(node)
        self.net.at(self.net.now + self.random.choice((0.5, 1.5, 2.5, 5, 9)), self._wake, node)

    def _wake(self, node: SimulatedNode) -> None:
        self.net.wake(node, told=self.random.random() < 0.3)

    def sleep_router(self) -> None:
        """The router sleeps for a while."""
        self.sleep(self.router())

    def partition(self) -> set[NodeId]:
        """Two parts don't hear each other."""
        part = {node.id for node in self.all if self.random.random() < 0.5}
        self.net.split(part)
        return part

    def proper_partition(self) -> set[NodeId]:
        """With somebody on either side, if there are two."""
        count = len(self.all)
        part = {
            node.id
            for node in self.random.sample(self.all, self.random.randint(min(1, count - 1), count - 1))
        }
        self.net.split(part)
        return part

    def preferences_change(self) -> None:
        """Of the routers, a little before they meet: one then hears what the other was before."""
        for node in self.net.reigning():
            self.prefer(node, Preference(pinned=True))
            later = self.net.now + self.random.uniform(1, 3)
            self.net.at(later, self.prefer, node, Preference(pinned=self.random.random() < 0.2))

    def prefer(self, node: SimulatedNode, preference: Preference) -> None:
        """A machine is preferred in another way."""
        if node.runs:
            node.preference = preference
            self.net.call(node, self.net.elector(node).set_preference(preference, node.clock(self.net.now)))

    def mesh(self) -> None:
        """No link is cut."""
        self.net.mend()

    def graph(self) -> None:
        """Not all hear each other."""
        links = [
            (a.id, b.id) for a in self.all for b in self.all if a.id < b.id and self.random.random() < 0.4
        ]
        self.net.cut = {each for a, b in links for each in ((a, b), (b, a))}

    def one_way(self) -> None:
        """Some links carry messages in one direction only."""
        self.net.cut = {(a.id, b.id) for a in self.all for b in self.all if self.random.random() < 0.2}

    def jump_clock(self) -> None:
        """A clock is put forward or back."""
        self.any().jump(self.random.choice((0.3, 1.0, 1.9, 2.5, 60.0, -0.2, -1.0, -30.0)))

    def hand_over(self) -> None:
        """The router hands over, if it can."""
        router = self.router()
        if router.runs:
            elector = self.net.elector(router)
            to = self.random.choice((None, self.any().id))
            try:
                self.net.call(router, elector.handover(to, router.clock(self.net.now)))
            except HandoverImpossible:
                return

    def drain_for_a_while(self) -> None:
        """A machine is about to stop, and doesn't."""
        node = self.random.choice((self.any(), self.router()))
        if node.runs:
            self.net.call(node, self.net.elector(node).drain(node.clock(self.net.now)))
            self.net.at(self.net.now + self.random.uniform(0.1, 4), self._cancel_drain, node)

    def _cancel_drain(self, node: SimulatedNode) -> None:
        if node.runs:
            self.net.call(node, self.net.elector(node).cancel_drain(node.clock(self.net.now)))

    def change_preference(self) -> None:
        """A machine is preferred in any other way."""
        self.prefer(self.any(), any_preference(self.random))

    def command(self) -> None:
        """A router commands a worker; the command may come late."""
        for router in self.net.reigning():
            worker = self.any()
            claim = self.net.elector(router).claim
            if worker is not router and claim is not None:
                late_s = self.random.choice((0.01, 0.1, 1.0, 3.0))
                self.net.at(self.net.now + self.random.uniform(0, late_s), self._obey, worker, claim)

    def _obey(self, worker: SimulatedNode, claim: ClaimRef) -> None:
        if worker.runs and self.net.connected(claim.router, worker.id):
            worker.obey(claim, self.net.now)
