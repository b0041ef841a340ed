"""Random histories of a simulated cluster: faults, then an end to them, with the properties that must hold.

`python -m tests.peers.election.replay SEED` shows what happens in one of them.
"""

import random
from collections.abc import Callable
from typing import Final

from corral.peers.election.elector import Preference, State
from corral.peers.election.errors import HandoverImpossible
from corral.peers.election.messages import ClaimRef
from corral.peers.election.rules import Rules
from corral.peers.ids import NodeId
from tests.peers.election.liar import lie
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import TIMING, Broken, SimulatedNode

SETTLE_S: Final = 6.0  # after the last fault, in a full mesh
SETTLE_FAR_S: Final = 10.0  # where some reach each other only through others, or messages take long
STABLE_S: Final = 4.0
BURST: Final = 40  # messages to each peer that a short history may have above the rate

Kind = Callable[["History"], None]
Fault = Callable[[], object]


class History:
    """One history. `run` raises Broken, which names the seed, when a property doesn't hold."""

    def __init__(self, seed: int, *, rules: Rules | None = None, kind: Kind | None = None) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.kind = kind or KINDS[seed % len(KINDS)]
        big = seed % 97 == 96
        rng = self.random
        size = 20 if big else rng.choice(_SIZES)
        self.far = rng.random() < 0.1
        self.net = Network(
            rng.getrandbits(64),
            size,
            rules=rules,
            loss=rng.choice((0.0, 0.0, 0.05, 0.2)),
            delay=(0.001, 0.8) if self.far else (0.001, rng.choice((0.01, 0.03, 0.1))),
            twice=rng.choice((0.0, 0.0, 0.1)),
            on_wire=seed % 16 == 0,
            preferences=[self._preference() for _ in range(size)],
        )
        self.all = list(self.net.nodes.values())
        self.faults_s = rng.uniform(4, 8) if big else rng.uniform(5, 15)

    def run(self) -> None:
        """The whole of it."""
        try:
            self.kind(self)
            self._check_traffic()
        except Broken as broken:
            again = f"python -m tests.peers.election.replay {self.seed}"
            raise Broken(
                f"history {self.seed} ({self.kind.__name__}): {broken}. See it with: {again}"
            ) from broken

    # Kinds of histories

    def chaos(self) -> None:
        """Everything fails, then a full mesh, a partition or a graph where not all reach each other is left."""
        self._start_some()
        self._chaos(self._faults())
        self._rest(self.random.choice((self._mesh, self._mesh, self._partition, self._graph)))

    def restarts(self) -> None:
        """Programs end and start again, with and without their disks."""
        self._start_some()
        self._chaos([self._crash, self._crash, self._crash_losing_disk, self._hand_over])
        self._rest(self._mesh)

    def healing(self) -> None:
        """Two parts with a router each meet: at no moment is there none, and the larger part's stays."""
        self._quiet_start()
        self.net.backlog = self.random.choice((0, 5))
        for _ in range(2):
            part = self._proper_partition()
            larger = {node.id for node in self.all if (node.id in part) == (2 * len(part) > len(self.all))}
            self._settle(SETTLE_FAR_S)
            long = len(self.all) > 2 and self.random.random() < 0.4
            clear = long and 2 * len(larger) >= len(self.all) + 2 and not self.far
            if not long and self.random.random() < 0.7:
                self._preferences_change()
            self.net.run(self.net.now + (12 if long else self.random.uniform(1.5, 4)))
            if self.net.disagreement() is None:
                self.net.watched = frozenset(self.net.nodes)
            self._mesh()
            self._settle(SETTLE_FAR_S if self.far else SETTLE_S)
            if clear and self.net.reigning()[0].id not in larger and not self._somebody_pinned():
                raise Broken(f"{self.net.reigning()[0].id} reigns, but most followed another one")
            self.net.run(self.net.now + 0.5)
            self.net.watched = frozenset()
        self._stay_stable()

    def outage(self) -> None:
        """The router vanishes without a word: nobody follows it longer than a lease, whatever others relay."""
        self.far = self.random.random() < 0.5
        self.net.delay = (0.001, 0.8 if self.far else 0.1)
        self._quiet_start()
        self.net.loss = 0.0
        self.net.run(self.net.now + 1)
        router = self.net.reigning()[0]
        claim = self.net.elector(router).claim
        self.net.kill(router, host_stays=False)
        self.net.run(self.net.now + self.net.delay[1] + TIMING.lease * 1.04 + self.net.late_s)
        for node in self.all:
            if node.elector is not None and node.elector.claim == claim:
                raise Broken(f"{node.id} still follows {claim}, which is gone")
        self._settle(SETTLE_FAR_S if self.far else 1.2)
        self._stay_stable()

    def crowding(self) -> None:
        """All stand at once, as none has heard of another: soon there is one router."""
        self._quiet_preferences()
        self.net.loss = 0.0
        self.net.delay = (0.001, 0.1)
        self.net.split_all()
        for node in self.all:
            node.rate = 1.0
            self.net.at(self.random.uniform(0, 0.05), self.net.start, node)
        self.net.run(TIMING.join - 0.02)
        self._mesh()
        self._settle(1.7)
        self._stay_stable()

    def straggling(self) -> None:
        """One that heard nothing for a while stands, though all others follow a router: it mustn't reign."""
        self.net.delay = (0.001, min(self.net.delay[1], 0.1))
        self._quiet_start()
        self.net.loss = 0.0
        self.net.run(self.net.now + 1)
        router = self.net.reigning()[0]
        straggler = self._any()
        if straggler is router:
            return
        self.net.cut = {(node.id, straggler.id) for node in self.all}
        elector = self.net.elector(straggler)
        until = self.net.now + 8
        while elector.state is not State.CANDIDATE and self.net.now < until:
            self.net.run(self.net.now + 0.01)
        self._mesh()
        self.net.may_not_reign = straggler.id
        self.net.run(self.net.now + 2)
        self._stay_stable()

    def draining(self) -> None:
        """The router stops with notice, or hands over: at no moment is there none."""
        self.net.loss = 0.0
        self._quiet_start()
        for _ in range(2):
            router = self.net.reigning()[0]
            self.net.run(self.net.now + 0.7)
            self.net.watched = frozenset(self.net.nodes)
            if self.random.random() < 0.5:
                self._drain_and_stop(router)
            else:
                self._hand_over()
                self.net.run(self.net.now + 1.5)
            self._settle(SETTLE_S)
            self.net.watched = frozenset()
            self.net.start_all()
            self.net.run(self.net.now + 4)
        self._stay_stable()

    def sleeping(self) -> None:
        """Machines sleep and wake."""
        self._quiet_start()
        self._chaos([self._sleep, self._sleep, self._sleep_router, self._sleep_router, self._jump_clock])
        self._rest(self._mesh)

    def joining(self) -> None:
        """A better machine joins, and nothing changes."""
        self.net.loss = min(self.net.loss, 0.02)
        late = self.random.choice(self.all)
        for node in self.all:
            node.preference = Preference(prio=node.preference.prio)
        for node in self.all:
            if node is not late or len(self.all) == 1:
                self.net.start(node)
        self._settle(SETTLE_S)
        self.net.run(self.net.now + 1)
        before = {node.id for node in self.net.reigning()}
        late.preference = Preference(prio=200, pinned=True)
        self.net.start(late)
        self.net.run(self.net.now + 6)
        self._settle(SETTLE_S)
        after = {node.id for node in self.net.reigning()}
        if before != after and len(self.all) > 1:
            raise Broken(f"{after} reigns instead of {before}, because {late.id} joined")
        self._stay_stable()

    def lying(self) -> None:
        """A member says what it likes for a while; when it stops, all is well again."""
        self._start_some()
        self.net.run(self.net.now + 4)
        liar = self.random.choice(self.all)
        until = self.net.now + self.faults_s
        while self.net.now < until:
            lie(self.net, liar, self.random)
            self.net.run(self.net.now + self.random.uniform(0, 0.5))
        self._rest(self._mesh)

    # Their parts

    def _preference(self) -> Preference:
        rng = self.random
        return Preference(
            prio=rng.choice((10, 50, 50, 100)), pinned=rng.random() < 0.1, eligible=rng.random() < 0.95
        )

    def _start_some(self) -> None:
        for node in self.all:
            self.net.at(self.random.uniform(0, 4), self.net.start, node)

    def _quiet_preferences(self) -> None:
        for node in self.all:
            node.preference = Preference(prio=node.preference.prio, pinned=node.preference.pinned)

    def _somebody_pinned(self) -> bool:
        return any(node.preference.pinned for node in self.all)

    def _quiet_start(self) -> None:
        self._quiet_preferences()
        self.net.loss = self.random.choice((0.0, 0.0, 0.02))
        self.net.start_all()
        self._settle(SETTLE_S)
        self.net.run(self.net.now + 1)

    def _faults(self) -> list[Fault]:
        return [
            self._crash,
            self._crash,
            self._sleep,
            self._sleep_router,
            self._partition,
            self._mesh,
            self._mesh,
            self._graph,
            self._one_way,
            self._jump_clock,
            self._hand_over,
            self._drain_for_a_while,
            self._change_preference,
            self._crash_losing_disk,
        ]

    def _chaos(self, faults: list[Fault]) -> None:
        until = self.net.now + self.faults_s
        if self.random.random() < 0.1:
            self.net.crash_in_effects = 0.002
        while self.net.now < until:
            self.net.run(self.net.now + self.random.expovariate(0.7))
            self.random.choice(faults)()
            self._command()
        self.net.crash_in_effects = 0.0

    def _rest(self, ending: Fault) -> None:
        """No faults any more: soon there is one router in each part, and it stays."""
        self.net.run(self.net.now + self.random.uniform(0, 3))
        ending()
        self.net.loss = min(self.net.loss, 0.02)
        for node in self.all:
            if node.elector is not None:
                self.net.call(node, node.elector.cancel_drain(node.clock(self.net.now)))
            self.net.wake(node)
        self.net.start_all()
        self.net.run(self.net.now + 0.4)
        if self.far or ending == self._graph:
            self.net.run(self.net.now + SETTLE_FAR_S)
            self._settle(0.0)
        else:
            self._settle(SETTLE_S)
        self._stay_stable()

    def _settle(self, within_s: float) -> None:
        if self.net.settle(within_s) is None:
            raise Broken(f"after {within_s} s {self.net.disagreement()}")

    def _stay_stable(self) -> None:
        self.net.run(self.net.now + 1)
        before = {node.id for node in self.net.reigning()}
        until = self.net.now + (20 if self.seed % 50 == 0 else STABLE_S)
        while self.net.now < until:
            self._command()
            self.net.run(self.net.now + 0.25)
            after = {node.id for node in self.net.reigning()}
            if before != after:
                raise Broken(f"{sorted(after)} reign instead of {sorted(before)}, for no reason")
        if (why := self.net.disagreement()) is not None:
            raise Broken(f"in peace {why}")
        for node in self.all:
            elector = node.elector
            claim = elector.claim if elector is not None and node.runs else None
            if elector is None or claim is None or elector.accepts(claim, node.clock(self.net.now)):
                continue
            raise Broken(f"in peace {node.id} refuses {claim}, which it follows")

    def _check_traffic(self) -> None:
        peers = len(self.all) - 1
        for node in self.all:
            if node.sent > peers * (4 * self.net.now + BURST):
                raise Broken(f"{node.id} sent {node.sent} messages to {peers} peers in {self.net.now:.1f} s")

    # Faults

    def _any(self) -> SimulatedNode:
        return self.random.choice(self.all)

    def _router(self) -> SimulatedNode:
        return self.random.choice(self.net.reigning() or self.all)

    def _crash(self) -> None:
        node = self.random.choice((self._any(), self._router()))
        self.net.kill(node, host_stays=self.random.random() < 0.5)
        self.net.at(self.net.now + self.random.uniform(0.05, 6), self.net.start, node)

    def _crash_losing_disk(self) -> None:
        node = self._any()
        self.net.kill(node)
        node.lose_disk()
        self.net.forget_reigns(node)
        self.net.at(self.net.now + self.random.uniform(0.05, 6), self.net.start, node)

    def _sleep(self, node: SimulatedNode | None = None) -> None:
        node = node or self._any()
        self.net.sleep(node)
        self.net.at(self.net.now + self.random.choice((0.5, 1.5, 2.5, 5, 9)), self._wake, node)

    def _wake(self, node: SimulatedNode) -> None:
        self.net.wake(node, told=self.random.random() < 0.3)

    def _sleep_router(self) -> None:
        self._sleep(self._router())

    def _partition(self) -> set[NodeId]:
        part = {node.id for node in self.all if self.random.random() < 0.5}
        self.net.split(part)
        return part

    def _proper_partition(self) -> set[NodeId]:
        """With somebody on either side, if there are two."""
        count = len(self.all)
        part = {
            node.id
            for node in self.random.sample(self.all, self.random.randint(min(1, count - 1), count - 1))
        }
        self.net.split(part)
        return part

    def _preferences_change(self) -> None:
        """Of the routers, a little before they meet: one then hears what the other was before."""
        for node in self.net.reigning():
            self._prefer(node, Preference(pinned=True))
            later = self.net.now + self.random.uniform(1, 3)
            self.net.at(later, self._prefer, node, Preference(pinned=self.random.random() < 0.2))

    def _prefer(self, node: SimulatedNode, preference: Preference) -> None:
        if node.runs:
            node.preference = preference
            self.net.call(node, self.net.elector(node).set_preference(preference, node.clock(self.net.now)))

    def _mesh(self) -> None:
        self.net.mend()

    def _graph(self) -> None:
        links = [
            (a.id, b.id) for a in self.all for b in self.all if a.id < b.id and self.random.random() < 0.4
        ]
        self.net.cut = {each for a, b in links for each in ((a, b), (b, a))}

    def _one_way(self) -> None:
        self.net.cut = {(a.id, b.id) for a in self.all for b in self.all if self.random.random() < 0.2}

    def _jump_clock(self) -> None:
        self._any().jump(self.random.choice((0.3, 1.0, 1.9, 2.5, 60.0, -0.2, -1.0, -30.0)))

    def _hand_over(self) -> None:
        router = self._router()
        if router.runs:
            elector = self.net.elector(router)
            to = self.random.choice((None, self._any().id))
            try:
                self.net.call(router, elector.handover(to, router.clock(self.net.now)))
            except HandoverImpossible:
                return

    def _drain_for_a_while(self) -> None:
        node = self.random.choice((self._any(), self._router()))
        if node.runs:
            self.net.call(node, self.net.elector(node).drain(node.clock(self.net.now)))
            self.net.at(self.net.now + self.random.uniform(0.1, 4), self._cancel_drain, node)

    def _cancel_drain(self, node: SimulatedNode) -> None:
        if node.runs:
            self.net.call(node, self.net.elector(node).cancel_drain(node.clock(self.net.now)))

    def _change_preference(self) -> None:
        self._prefer(self._any(), self._preference())

    def _drain_and_stop(self, router: SimulatedNode) -> None:
        elector = self.net.elector(router)
        self.net.call(router, elector.drain(router.clock(self.net.now)))
        until = self.net.now + 2
        while elector.state is State.DRAINING and self.net.now < until:
            self.net.run(self.net.now + 0.01)
        if elector.state in (State.ROUTER, State.DRAINING) and len(self.all) > 1:
            raise Broken(f"nobody took over from {router.id}")
        if len(self.all) > 1:
            self.net.kill(router)

    def _command(self) -> None:
        """A router commands a worker; the command may come late."""
        for router in self.net.reigning():
            worker = self._any()
            claim = self.net.elector(router).claim
            if worker is not router and claim is not None:
                late_s = self.random.choice((0.01, 0.1, 1.0, 3.0))
                self.net.at(self.net.now + self.random.uniform(0, late_s), self._obey, worker, claim)

    def _obey(self, worker: SimulatedNode, claim: ClaimRef) -> None:
        if worker.runs and self.net.connected(claim.router, worker.id):
            worker.obey(claim, self.net.now)


_SIZES: Final = (1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6)
KINDS: Final[tuple[Kind, ...]] = (
    History.chaos,
    History.healing,
    History.outage,
    History.chaos,
    History.draining,
    History.straggling,
    History.chaos,
    History.sleeping,
    History.restarts,
    History.healing,
    History.chaos,
    History.joining,
    History.lying,
    History.crowding,
)
