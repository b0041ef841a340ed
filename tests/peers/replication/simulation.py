"""A simulated cluster of replicas: seeded and replayable, with a network, disks and clocks that fail.

Time is virtual, nothing sleeps. `History(seed).run()` raises Broken, which names the seed, when a property doesn't hold.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial

from corral.peers.ids import NodeId
from corral.peers.replication import digest
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.cell import RULES, Cell, CellKey, Rules
from corral.peers.replication.clock import DAY_MS, Instant, horizon, stamp_of
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import EditRefused
from corral.peers.replication.memory_storage import MemoryStorage
from corral.peers.replication.messages import (
    Answer,
    Page,
    Push,
    Request,
    Summary,
    decode_answer,
    decode_request,
    decode_summary,
    encode,
)
from corral.peers.replication.receipt import Receipt
from corral.peers.replication.replica import Replica
from tests.peers.replication.simulated_machine import START_MS, Machine, Write, is_ahead

HEARTBEAT_S = 0.5
LIVE_S = 1.3  # a member heard so lately counts as live
FAULTS_S = 6.0
SETTLE_S = 40.0
TIMING = Timing(retry_s=1.0, repair_s=2.0)

MakeReplica = Callable[[NodeId, MemoryStorage], Replica]


def sound_replica(node: NodeId, storage: MemoryStorage, rules: Rules = RULES) -> Replica:
    """A replica as the product makes it, but for the times."""
    return Replica(node=node, storage=storage, rules=rules, timing=TIMING)


class Broken(AssertionError):
    """A property doesn't hold; the message names it and the seed."""


class History:
    """One history of faults and its end."""

    def __init__(self, seed: int, *, make: MakeReplica = sound_replica) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.now_s = 0.0
        self.questions = 0
        self.acknowledged = 0
        self._make = make
        self._honest_logs = seed % 8 != 1  # else a log keeps its name though its end is lost
        self._bytes_on_wire = seed % 16 == 0
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._writes: list[Write] = []
        self._unsure: set[CellKey] = set()
        self._values = itertools.count()
        self._loss = self.random.choice((0.0, 0.0, 0.05, 0.3))
        self._twice = self.random.choice((0.0, 0.1))
        self._delay_s = self.random.choice((0.01, 0.05, 0.4))
        sizes = (1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 12) if seed % 4 else (2, 3, 4)
        self.machines = [
            self._new_machine(NodeId(f"n{number:02d}")) for number in range(self.random.choice(sizes))
        ]

    def run(self) -> None:
        """Faults, then an end to them; everything must hold."""
        for machine in self.machines:
            self._at(self.random.uniform(0, HEARTBEAT_S), partial(self._beat, machine))
        for _ in range(self.random.randint(5, 25)):
            self._at(self.random.uniform(0, FAULTS_S), self._something_happens)
        self._run_until(FAULTS_S)
        self._check_digests()
        self._check_stamps()
        self._end_faults()
        self._run_until(FAULTS_S + SETTLE_S, stop=self._settled)
        self._check_end()
        self._check_quiet()

    def spread(self, *, blackout_s: float) -> tuple[float, int]:
        """Revokes a key in a cluster at rest: after how long it works nowhere, and how many questions that took.

        All messages of the first `blackout_s` seconds are lost.
        """
        self._loss, self._twice, self._delay_s = 0.0, 0.0, 0.05
        for machine in self.machines:
            self._at(self.random.uniform(0, HEARTBEAT_S), partial(self._beat, machine))
        self._run_until(3.0)
        self.questions, revoked_s, self._loss = 0, self.now_s, float(blackout_s > 0)
        self._revoke()
        self._run_until(revoked_s + blackout_s)
        self._loss = 0.0
        self._run_until(
            revoked_s + SETTLE_S, stop=lambda: all(map(Machine.revocations, self.machines)), look_s=0
        )
        took_s = self.now_s - revoked_s
        self._run_until(self.now_s + 2 * HEARTBEAT_S)
        return took_s, self.questions

    # --- time

    def _at(self, after_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + after_s, next(self._order), event))

    def _run_until(
        self, end_s: float, *, stop: Callable[[], bool] = lambda: False, look_s: float = HEARTBEAT_S
    ) -> None:
        next_look_s = self.now_s
        while self._events and self._events[0][0] <= end_s:
            if self.now_s >= next_look_s:
                next_look_s = self.now_s + look_s
                if stop():
                    return
            self.now_s, _, event = heapq.heappop(self._events)
            event()

    def _instant(self, machine: Machine) -> Instant:
        return Instant(self._true_ms() + machine.skew_ms, self.now_s)

    def _true_ms(self) -> int:
        return START_MS + int(self.now_s * 1000)

    # --- network

    def _reach(self, one: Machine, other: Machine) -> bool:
        return one.up and other.up and one.side == other.side

    def _carry(self, sender: Machine, to: Machine, arrive: Callable[[], None]) -> None:
        boots = to.boots
        if not self._reach(sender, to):
            return

        def deliver() -> None:
            if self._reach(sender, to) and to.boots == boots:
                arrive()
                self._pump(to)

        for _ in range(2 if self.random.random() < self._twice else 1):
            if self.random.random() >= self._loss:
                self._at(self.random.uniform(0.001, self._delay_s), deliver)

    def _beat(self, machine: Machine) -> None:
        if machine.up:
            summary = machine.replica.summary(self._instant(machine))
            if self._bytes_on_wire:
                summary = decode_summary(encode(summary))
            for other in self.machines:
                if other is not machine:
                    self._carry(machine, other, partial(self._hear, other, machine, summary))
            self._pump(machine)
        self._at(HEARTBEAT_S, lambda: self._beat(machine))

    def _hear(self, machine: Machine, sender: Machine, summary: Summary) -> None:
        machine.heard_s[sender.id] = self.now_s
        machine.replica.hear(sender.id, summary, self._instant(machine))

    def _pump(self, machine: Machine) -> None:
        replica = machine.replica
        live = [peer for peer, at in machine.heard_s.items() if self.now_s - at <= LIVE_S]
        machine.outvoted |= sum(self._named(peer).jumped for peer in live) > len(live) - len(live) // 2
        replica.set_live(live)
        for send in replica.due(self._instant(machine)):
            self.questions += 1
            self._ask(machine, self._named(send.to), send.request)
        for outcome in replica.settled(self._instant(machine)):
            if outcome.replicated:
                self._check_acknowledged(machine, outcome.receipt)
        if replica.take_changes():
            self._check_revocations(machine)

    def _ask(self, asker: Machine, asked: Machine, request: Request) -> None:
        wire = decode_request(encode(request)) if self._bytes_on_wire else request

        def arrive() -> None:
            answer = asked.replica.answer(asker.id, wire, self._instant(asked))
            self._carry(asked, asker, lambda: self._answered(asker, asked, answer))

        if not self._reach(asker, asked) and self.random.random() < 0.5:
            self._at(0.01, lambda: asker.replica.failed(asked.id))  # refused; else it is never answered
        self._carry(asker, asked, arrive)

    def _answered(self, asker: Machine, asked: Machine, answer: Answer) -> None:
        wire = decode_answer(encode(answer)) if self._bytes_on_wire else answer
        asker.replica.receive(asked.id, wire, self._instant(asker))

    def _named(self, id: NodeId) -> Machine:
        return next(each for each in self.machines if each.id == id)

    # --- what happens

    def _something_happens(self) -> None:
        happening, weight = zip(
            (self._write, 8),
            (self._count, 2),
            (self._revoke, 3),
            (self._try_to_undo, 3),
            (self._delete, 1),
            (self._crash, 3),
            (self._restart, 4),
            (self._split, 2),
            (self._heal, 2),
            (self._jump, 2),
            strict=True,
        )
        self.random.choices(happening, weight)[0]()

    def _some(self, *, up: bool = True) -> Machine | None:
        found = [each for each in self.machines if each.up is up]
        return self.random.choice(found) if found else None

    def _write(self) -> None:
        table, column = self.random.choice((("api_keys", "name"), ("settings", "value"), ("users", "role")))
        self._edit(table, {column: f"v{next(self._values)}"})

    def _count(self) -> None:
        """A sum of a short-lived table: a clock that is a year ahead forgets it."""
        machine = self._some()
        if machine is not None:
            count = Edit("recent_usage", f"usage-{machine.id}", {"requests_total": next(self._values)})
            machine.replica.write([count], self._instant(machine))
            self._pump(machine)

    def _revoke(self) -> None:
        self._edit("api_keys", {"revoked_at": None})

    def _delete(self) -> None:
        self._edit("users", {"_deleted": True})

    def _edit(self, table: str, values: dict[str, object]) -> None:
        machine = self._some()
        if machine is None:
            return
        now = self._instant(machine)
        if "revoked_at" in values:
            values = {"revoked_at": max(now.wall_ms, 1) / 1000}
        id = f"{table}-{self.random.randint(1, 3)}"
        try:
            receipt = machine.replica.write([Edit(table, id, values)], now)
        except EditRefused:
            return
        cells = [machine.storage.get(CellKey(table, id, column)) for column in values]
        self._check_written(cells, values)
        write = Write(machine, receipt, [cell for cell in cells if cell is not None])
        self._writes.append(write)
        self._unsure.update(cell.key for cell in write.cells if is_ahead(cell.stamp))
        self._pump(machine)
        self._at(TIMING.patience_s + 0.001, lambda: self._pump(machine) if machine.up else None)

    def _try_to_undo(self) -> None:
        """A member that lies, or an old copy of the program: a later stamp over a revocation."""
        machine = self._some()
        if machine is not None:
            ahead_ms = self._true_ms() + self.random.randint(0, 3_600_000)
            stamp = stamp_of(ahead_ms, 0, NodeId("liar"))
            id = f"api_keys-{self.random.randint(1, 3)}"
            value = self.random.choice(("null", "0", "false"))
            cell = Cell("api_keys", id, "revoked_at", value, stamp)
            page = Page(log="lies", after=0, upto=1, cells=(cell,))
            machine.replica.answer(NodeId("liar"), Push(page=page), self._instant(machine))
            self._pump(machine)

    def _crash(self) -> None:
        machine = self._some()
        if machine is None:
            return
        machine.up = False
        lose = self.random.choice((0, 0, 1, 3, 20))
        log = f"{machine.id}-{machine.boots + 1}" if self._honest_logs else machine.storage.log
        machine.storage = machine.storage.reopened(log, lose=min(lose, len(machine.storage.batches)))
        if lose:
            machine.revoked.clear()
            for write in self._writes:
                write.held = write.held and any(each.holds(write) for each in self.machines)
                write.others_lost = write.others_lost or write.machine is not machine

    def _restart(self) -> None:
        machine = self._some(up=False)
        if machine is not None:
            machine.boots += 1
            machine.heard_s.clear()
            machine.replica = self._make(machine.id, machine.storage)
            machine.up = True

    def _split(self) -> None:
        for machine in self.machines:
            machine.side = self.random.randint(0, 1)

    def _heal(self) -> None:
        for machine in self.machines:
            machine.side = 0

    def _jump(self) -> None:
        machine = self.random.choice(self.machines)
        days_ms = self.random.randint(2 * DAY_MS, 300 * DAY_MS)
        far = self.random.choice((0, 0, days_ms, -days_ms, days_ms - START_MS))
        machine.jumped = machine.jumped or far != 0
        machine.skew_ms = far + self.random.randint(-60_000, 60_000)

    def _end_faults(self) -> None:
        self._loss = self._twice = 0.0
        self._delay_s = 0.05
        self._heal()
        while any(not each.up for each in self.machines):
            self._restart()
        for machine in self.machines:
            machine.skew_ms = self.random.randint(-1000, 1000)

    # --- what must hold

    def _fail(self, what: str) -> None:
        raise Broken(f"{what}; to see it again: History({self.seed})")

    def _check_written(self, cells: list[Cell | None], values: dict[str, object]) -> None:
        for cell, value in zip(cells, values.values(), strict=True):
            if cell is None or (isinstance(value, str) and cell.value != f'"{value}"'):
                self._fail("a write isn't seen where it was written")

    def _check_acknowledged(self, machine: Machine, receipt: Receipt) -> None:
        write = next((each for each in self._writes if each.receipt is receipt), None)
        if write is None or self._unsure & {cell.key for cell in write.cells}:  # a sum, or stamped anew since
            return
        self.acknowledged += 1
        holders = [each for each in self.machines if each.holds(write)]
        if len(holders) < 2 and not write.others_lost:
            self._fail(f"{machine.id} acknowledged what no other machine holds")

    def _check_revocations(self, machine: Machine) -> None:
        if not machine.revoked <= (revoked := machine.revocations()):
            self._fail(f"a revoked key works again on {machine.id}")
        machine.revoked = revoked

    def _check_digests(self) -> None:
        for one, other in itertools.combinations(self.machines, 2):
            same = one.cells() == other.cells()
            if same != (one.digest == other.digest):
                self._fail(f"the digests of {one.id} and {other.id} don't tell whether they are equal")

    def _check_stamps(self) -> None:
        for machine in self.machines:
            if not (machine.jumped or machine.outvoted) and any(
                is_ahead(cell.stamp) for cell in machine.cells()
            ):
                self._fail(f"{machine.id}, whose clock was right, took a stamp from the future")

    def _settled(self) -> bool:
        equal = len({each.digest for each in self.machines}) == 1
        return equal and not (len(self.machines) > 1 and self._ahead())

    def _ahead(self) -> bool:
        limit = horizon(self._true_ms() + 2000)
        return any(each.storage.stamped_from(limit) for each in self.machines)

    def _check_end(self) -> None:
        self._check_digests()
        if len({each.digest for each in self.machines}) > 1:
            self._fail("the machines didn't become equal")
        if len(self.machines) > 1 and self._ahead():
            self._fail("a stamp from the future stayed")
        for machine in self.machines:
            sums: dict[str, int] = {}
            for cell in machine.cells():
                sums[cell.table] = digest.replaced(sums.get(cell.table, 0), old=None, new=cell)
            if digest.of_all(sums) != machine.digest:
                self._fail(f"the digest of {machine.id} isn't that of its cells")
            for write in self._kept_writes():
                if not machine.holds(write):
                    self._fail(f"{machine.id} lost what was written on {write.machine.id}: {write.cells}")

    def _kept_writes(self) -> Iterator[Write]:
        """What some machine has held all the time, save where stamps from the future were: those are written anew."""
        return (each for each in self._writes if each.held and each.cells[0].key not in self._unsure)

    def _check_quiet(self) -> None:
        self._run_until(self.now_s + 3 * TIMING.retry_s)  # what is still on its way
        asked = self.questions
        self._run_until(self.now_s + 2 * TIMING.repair_s)
        if self.questions != asked:
            self._fail("equal machines still ask each other")

    def _new_machine(self, id: NodeId) -> Machine:
        storage = MemoryStorage(f"{id}-0")
        return Machine(id, storage, self._make(id, storage))
