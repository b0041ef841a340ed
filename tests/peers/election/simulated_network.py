"""A deterministic network of simulated machines: a heap of events in virtual time."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from corral.peers.election.effects import Effect, Persist, Send
from corral.peers.election.elector import Elector
from corral.peers.election.messages import ClaimRef, Message, Takeover, decode, encode
from corral.peers.election.preference import Preference
from corral.peers.election.rules import Rules
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId
from tests.peers.election.simulated_node import TIMING, Broken, SimulatedNode

Link = tuple[NodeId, NodeId]


class Network:
    """Machines and the links between them. Messages are delayed, lost, doubled and overtake each other as it is told."""

    def __init__(
        self,
        seed: int,
        size: int,
        *,
        rules: Rules | None = None,
        timing: Timing = TIMING,
        loss: float = 0.0,
        delay: tuple[float, float] = (0.001, 0.03),
        twice: float = 0.0,
        skew: float = 0.03,
        on_wire: bool = False,
        preferences: Sequence[Preference] | None = None,
        ids: Sequence[NodeId] | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.loss = loss
        self.delay = delay
        self.twice = twice
        self.late_s = 0.02  # a tick may come so late
        self.cut: set[Link] = set()
        self.backlog = 0  # so many messages wait where a link is cut, and come when it is mended
        self._waiting: dict[Link, deque[Message]] = {}
        self.crash_in_effects = 0.0  # the chance of a crash between two effects
        self.messages = 0
        self.forgetful: set[NodeId] = set()  # lost their disks
        self.watched: frozenset[NodeId] = frozenset()  # of these one must always reign
        self.may_not_reign: NodeId | None = None
        self.measure: Callable[[Message], int] | None = None
        self.on_step: Callable[[SimulatedNode], None] | None = None
        self.reigns: dict[ClaimRef, tuple[NodeId, int]] = {}
        self._on_wire = on_wire
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        ids = ids or [NodeId(f"N{number:02d}") for number in range(size)]
        self.nodes = {
            id: SimulatedNode(
                id=id,
                rng=random.Random(self.random.getrandbits(64)),
                rules=rules or Rules(),
                timing=timing,
                members=ids,
                rate=self.random.uniform(1 - skew, 1 + skew),
                base=self.random.uniform(0, 1e6),
            )
            for id in ids
        }
        for number, node in enumerate(self.nodes.values()):
            node.forgetful = self.forgetful
            if preferences is not None:
                node.preference = preferences[number]

    # Time

    def at(self, when: float, what: Callable[..., None], *args: object) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (when, next(self._order), what, args))

    def run(self, until: float) -> None:
        """Let time pass."""
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, what, args = heapq.heappop(events)
            what(*args)
        self.now = until

    # Machines

    def start(self, node: SimulatedNode) -> None:
        """Start the program of a machine that is off."""
        if node.elector is None:
            node.start(self.now)
            self._schedule(node)

    def start_all(self) -> None:
        """Start every machine that is off."""
        for node in self.nodes.values():
            self.start(node)

    def kill(self, node: SimulatedNode, *, host_stays: bool = True) -> None:
        """End a program (others see their connections close and refused), or switch the machine off (they don't)."""
        if node.elector is None:
            return
        node.crash()
        node.host_up = host_stays
        self._changed(node)
        if host_stays:
            for other in self.nodes.values():
                if other is not node and self.connected(other.id, node.id):
                    self.at(self.now + self._latency(), self._lose_connection, other, node.id)

    def sleep(self, node: SimulatedNode) -> None:
        """Freeze a machine."""
        if node.elector is not None:
            node.asleep = True
            self._changed(node)

    def wake(self, node: SimulatedNode, *, told: bool = False) -> None:
        """Let a frozen machine go on: first it may get what came meanwhile, or be asked, then its tick comes."""
        if node.elector is None or not node.asleep:
            return
        node.asleep = False
        node.notice_sleep(self.now)
        if told:
            self.call(node, node.elector.woke(node.clock(self.now)))
        inbox, node.inbox = node.inbox, []
        for peer, message in inbox:
            self.deliver(peer, node, message)
        node.wake_at = self.now + self.random.uniform(0, 0.3)
        self.at(node.wake_at, self._tick, node, node.boots)

    def call(self, node: SimulatedNode, effects: list[Effect]) -> None:
        """Carry out what an elector wants, then look at it."""
        boots = node.boots
        for effect in effects:
            if node.elector is None or node.boots != boots:
                return
            if self.crash_in_effects and self.random.random() < self.crash_in_effects:
                self.kill(node)
                self.at(self.now + self.random.uniform(0.1, 5), self.start, node)
                return
            if isinstance(effect, Send):
                self._send(node, effect.to, effect.message)
            elif isinstance(effect, Persist):
                if effect.max_term <= node.disk:
                    raise Broken(f"{node.id} persists {effect.max_term} after {node.disk}")
                node.disk = effect.max_term
            else:
                self.at(self.now + 2 * self._latency(), self._probe, node, effect.to, node.boots)
        self._changed(node)
        self._schedule(node)

    # Links

    def connected(self, a: NodeId, b: NodeId) -> bool:
        """Whether messages from a reach b."""
        return (a, b) not in self.cut

    def split(self, side: Iterable[NodeId]) -> None:
        """Cut the machines into two parts."""
        part = set(side)
        self.cut = {(a, b) for a in self.nodes for b in self.nodes if (a in part) != (b in part)}

    def mend(self) -> None:
        """Cut no link; what waited comes, in its order."""
        self.cut = set()
        for (peer, node), messages in self._waiting.items():
            when = self.now + self._latency()
            for message in messages:
                self.at(when, self.deliver, peer, self.nodes[node], message)
        self._waiting.clear()

    def split_all(self) -> None:
        """Cut every link."""
        self.cut = {(a, b) for a in self.nodes for b in self.nodes}

    def components(self) -> list[list[SimulatedNode]]:
        """The running machines that reach each other, in both directions at each step."""
        left = [node for node in self.nodes.values() if node.runs]
        found = []
        while left:
            component = [left.pop()]
            for node in component:
                near = [
                    other
                    for other in left
                    if self.connected(node.id, other.id) and self.connected(other.id, node.id)
                ]
                component += near
                left = [other for other in left if other not in near]
            found.append(component)
        return found

    def reigning(self) -> list[SimulatedNode]:
        """The running machines that may act as the router now."""
        return [
            node
            for node in self.nodes.values()
            if node.runs and self.elector(node).is_router(node.clock(self.now))
        ]

    def elector(self, node: SimulatedNode) -> Elector:
        """Of a machine that is on."""
        assert node.elector is not None
        return node.elector

    def disagreement(self) -> str | None:
        """Why there isn't one router in each component that all follow; None if there is."""
        for component in self.components():
            if not any(node.preference.eligible for node in component):
                continue
            routers = [node for node in component if self.elector(node).is_router(node.clock(self.now))]
            if len(routers) != 1:
                return f"{[node.id for node in component]} have the routers {[node.id for node in routers]}"
            claim = self.elector(routers[0]).claim
            for node in component:
                if self.elector(node).claim != claim:
                    return f"{node.id} follows {self.elector(node).claim}, not {claim}"
        return None

    def settle(self, within_s: float, *, step_s: float = 0.05) -> float | None:
        """Let time pass until all agree; how long it took, None if longer."""
        began = self.now
        while self.now - began <= within_s:
            if self.disagreement() is None:
                return self.now - began
            self.run(self.now + step_s)
        return None

    def forget_reigns(self, node: SimulatedNode) -> None:
        """It lost its disk: what it issued may be issued again."""
        self.forgetful.add(node.id)
        self.reigns = {claim: by for claim, by in self.reigns.items() if by[0] != node.id}

    # Inside

    def _latency(self) -> float:
        return self.random.uniform(*self.delay)

    def _send(self, node: SimulatedNode, to: NodeId, message: Message) -> None:
        node.sent += 1
        self.messages += 1
        if node.listens_until >= 0:
            node.check_message(message, self.now)
        if self.measure is not None:
            node.sent_bytes += self.measure(message)
        if self._on_wire:
            message = decode(encode(message))
        if self.loss and self.random.random() < self.loss:
            return
        for _ in range(2 if self.twice and self.random.random() < self.twice else 1):
            self.at(self.now + self._latency(), self.deliver, node.id, self.nodes[to], message)

    def deliver(self, peer: NodeId, node: SimulatedNode, message: Message) -> None:
        """A message arrives, if its receiver is there and the link isn't cut."""
        if node.elector is None:
            return
        if (peer, node.id) in self.cut:
            if self.backlog:
                self._waiting.setdefault((peer, node.id), deque(maxlen=self.backlog)).append(message)
            return
        if node.asleep:
            if len(node.inbox) < 8:
                node.inbox.append((peer, message))
            return
        if isinstance(message, Takeover):
            node.asked_to_take_over = True
        effects = node.elector.hear(peer, message, node.clock(self.now))
        self.call(node, effects)

    def _tick(self, node: SimulatedNode, boots: int) -> None:
        if not node.runs or node.boots != boots or node.wake_at != self.now:
            return
        node.notice_sleep(self.now)
        node.wake_at = -1.0
        self.call(node, self.elector(node).tick(node.clock(self.now)))

    def _schedule(self, node: SimulatedNode) -> None:
        if not node.runs:
            return
        due = max(node.true_time(self.elector(node).next_wake(node.clock(self.now))), self.now)
        if node.wake_at < 0 or due < node.wake_at - self.late_s - 1e-9:
            node.wake_at = due + self.random.random() * self.late_s
            self.at(node.wake_at, self._tick, node, node.boots)

    def _lose_connection(self, node: SimulatedNode, peer: NodeId) -> None:
        if node.runs:
            self.call(node, self.elector(node).lost(peer, node.clock(self.now)))

    def _probe(self, node: SimulatedNode, peer: NodeId, boots: int) -> None:
        other = self.nodes[peer]
        reachable = self.connected(node.id, peer) and self.connected(peer, node.id)
        if node.runs and node.boots == boots and reachable and other.elector is None and other.host_up:
            self.call(node, self.elector(node).refused(peer, node.clock(self.now)))

    def _changed(self, node: SimulatedNode) -> None:
        if self.on_step is not None:
            self.on_step(node)
        if node.elector is not None and not node.check(self.now):
            return
        if node.reign is not None:
            if node.id == self.may_not_reign:
                raise Broken(f"{node.id} reigns, though all others follow another one")
            reign = self.reigns.setdefault(node.reign, (node.id, node.boots))
            if reign != (node.id, node.boots):
                raise Broken(f"{node.reign} is issued twice")
        if self.watched and not any(
            other.reign is not None
            for other in self.nodes.values()
            if other.id in self.watched and other.runs
        ):
            raise Broken(f"nobody reigns among {sorted(self.watched)} at {self.now:.3f}")
