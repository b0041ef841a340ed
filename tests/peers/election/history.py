"""Random histories of a simulated cluster: faults, then an end to them, with the properties that must hold.

`python -m tests.peers.election.replay SEED` shows what happens in one of them.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from corral.peers.election.elector import Preference, State
from corral.peers.election.rules import Rules
from tests.peers.election.faults import Fault, Faults, any_preference
from tests.peers.election.liar import lie
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import TIMING, Broken, SimulatedNode

SETTLE_S: Final = 6.0  # after the last fault, in a full mesh
SETTLE_FAR_S: Final = 10.0  # where some reach each other only through others, or messages take long
STABLE_S: Final = 4.0
SOON_SETTLED: Final = replace(TIMING, settled=1.0)  # most histories are too short for the real one
BURST: Final = 40  # messages to each peer that a short history may have above the rate

Kind = Callable[["History"], None]


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
            timing=SOON_SETTLED if seed // len(KINDS) % 2 else TIMING,
            loss=rng.choice((0.0, 0.0, 0.05, 0.2)),
            delay=(0.001, 0.8) if self.far else (0.001, rng.choice((0.01, 0.03, 0.1))),
            twice=rng.choice((0.0, 0.0, 0.1)),
            on_wire=seed % 16 == 0,
            preferences=[any_preference(rng) for _ in range(size)],
        )
        self.all = list(self.net.nodes.values())
        self.faults = Faults(self.net, rng)
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
        self._chaos(self.faults.all_kinds())
        self._rest(
            self.random.choice((self.faults.mesh, self.faults.mesh, self.faults.partition, self.faults.graph))
        )

    def restarts(self) -> None:
        """Programs end and start again, with and without their disks."""
        self._start_some()
        self._chaos(
            [self.faults.crash, self.faults.crash, self.faults.crash_losing_disk, self.faults.hand_over]
        )
        self._rest(self.faults.mesh)

    def healing(self) -> None:
        """Two parts with a router each meet: at no moment is there none, and the larger part's stays."""
        self._quiet_start()
        self.net.backlog = self.random.choice((0, 5))
        for _ in range(2):
            part = self.faults.proper_partition()
            larger = {node.id for node in self.all if (node.id in part) == (2 * len(part) > len(self.all))}
            self._settle(SETTLE_FAR_S)
            long = len(self.all) > 2 and self.random.random() < 0.4
            clear = long and 2 * len(larger) >= len(self.all) + 2 and not self.far
            if not long and self.random.random() < 0.7:
                self.faults.preferences_change()
            self.net.run(self.net.now + (14 if long else self.random.uniform(1.5, 4)))
            if self.net.disagreement() is None:
                self.net.watched = frozenset(self.net.nodes)
            self.faults.mesh()
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
        self.faults.mesh()
        self._settle(1.7)
        self._stay_stable()

    def straggling(self) -> None:
        """One that heard nothing for a while stands, though all others follow a router: it mustn't reign."""
        self.net.delay = (0.001, min(self.net.delay[1], 0.1))
        self._quiet_start()
        self.net.loss = 0.0
        self.net.run(self.net.now + 1)
        router = self.net.reigning()[0]
        straggler = self.faults.any()
        if straggler is router:
            return
        self.net.cut = {(node.id, straggler.id) for node in self.all}
        elector = self.net.elector(straggler)
        until = self.net.now + 8
        while elector.state is not State.CANDIDATE and self.net.now < until:
            self.net.run(self.net.now + 0.001)  # mended before a denial can be lost
        self.faults.mesh()
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
                self.faults.hand_over()
                self.net.run(self.net.now + 1.5)
            self._settle(SETTLE_S)
            self.net.watched = frozenset()
            self.net.start_all()
            self.net.run(self.net.now + 4)
        self._stay_stable()

    def sleeping(self) -> None:
        """Machines sleep and wake."""
        self._quiet_start()
        self._chaos(
            [
                self.faults.sleep,
                self.faults.sleep,
                self.faults.sleep_router,
                self.faults.sleep_router,
                self.faults.jump_clock,
            ]
        )
        self._rest(self.faults.mesh)

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
        self._rest(self.faults.mesh)

    # Their parts

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

    def _chaos(self, faults: list[Fault]) -> None:
        until = self.net.now + self.faults_s
        if self.random.random() < 0.1:
            self.net.crash_in_effects = 0.002
        while self.net.now < until:
            self.net.run(self.net.now + self.random.expovariate(0.7))
            self.random.choice(faults)()
            self.faults.command()
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
        quiet = self.net.now + TIMING.lease + 1  # until then the last words of those cut off go round
        self.net.run(self.net.now + 0.4)
        if self.far or ending == self.faults.graph:
            self.net.run(self.net.now + SETTLE_FAR_S)
            self._settle(0.0)
        else:
            self._settle(SETTLE_S)
        self.net.run(max(quiet, self.net.now))
        self._stay_stable()

    def _settle(self, within_s: float) -> None:
        if self.net.settle(within_s) is None:
            raise Broken(f"after {within_s} s {self.net.disagreement()}")

    def _stay_stable(self) -> None:
        self.net.run(self.net.now + 1)
        before = {node.id for node in self.net.reigning()}
        until = self.net.now + (20 if self.seed % 50 == 0 else STABLE_S)
        while self.net.now < until:
            self.faults.command()
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
