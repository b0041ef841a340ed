"""The order of endpoints, as tables of plain facts; and many choices in a row in a small simulation."""

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

import pytest

from corral.app.gateway.breakers import Circuit
from corral.app.gateway.choice import (
    CHARACTERS_PER_TOKEN,
    Candidate,
    Mode,
    Ranked,
    Work,
    cost_s,
    ranked,
    worthwhile,
)
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.pace import Pace, slowdown
from corral.app.gateway.standing import Machine, Standing

NOW = 1000.0
PACE = Pace(decode=50.0, prefill=1000.0)
FAST, SLOW = Pace(decode=100.0, prefill=2000.0), Pace(decode=25.0, prefill=500.0)
LONG = Work(prompt_tokens=8000.0, answer_tokens=100.0)
SHORT = Work(prompt_tokens=100.0, answer_tokens=100.0)


def candidate(name: str, **facts: object) -> Candidate:
    facts.setdefault("pace", PACE)
    return Candidate(id=EndpointId(name), **facts)  # type: ignore[arg-type]


def machine(**facts: object) -> Standing:
    return Standing(machine=Machine(**facts))  # type: ignore[arg-type]


def load(cpu: float, **facts: float) -> Standing:
    return machine(cpu_percent=cpu, read_at=NOW, **facts)


def order(mode: Mode, *candidates: Candidate, work: Work = SHORT, turn: int = 0) -> str:
    return "".join(each.id for each in ranked(mode, candidates, work, turn=turn, now=NOW))


GIB = 2**30
ON_DISK = Standing(loaded=0.0, size_bytes=4 * GIB)


@pytest.mark.parametrize(
    ("a", "b", "work", "best"),
    [
        # speed
        ({"pace": SLOW}, {"pace": FAST}, SHORT, "b"),
        ({"pace": SLOW}, {"pace": FAST, "running": 2}, SHORT, "b"),
        ({"pace": SLOW}, {"pace": FAST, "running": 4}, SHORT, "a"),
        ({"pace": Pace(), "standing": Standing(pace=SLOW)}, {"pace": PACE}, SHORT, "b"),
        ({"pace": Pace(), "running": 1}, {"pace": PACE, "running": 3}, SHORT, "a"),  # unknown
        # what is in front
        ({"running": 1}, {}, SHORT, "b"),
        ({"standing": Standing(active=1)}, {}, SHORT, "b"),
        ({"slots": 2, "running": 2, "waiting": 4}, {"slots": 2, "running": 2, "waiting": 1}, SHORT, "b"),
        # loaded or not
        ({"standing": ON_DISK}, {}, SHORT, "b"),
        ({"standing": ON_DISK}, {"running": 2}, SHORT, "b"),
        ({"standing": ON_DISK}, {"slots": 1, "running": 1, "waiting": 40}, SHORT, "a"),
        ({"standing": ON_DISK}, {"standing": replace(ON_DISK, loaded=0.5)}, SHORT, "b"),
        ({"standing": replace(ON_DISK, size_bytes=GIB)}, {"standing": ON_DISK}, SHORT, "a"),
        ({"standing": Standing(broken=True)}, {"standing": ON_DISK}, SHORT, "b"),
        # the prompt's beginning
        ({"shared_characters": 24_000}, {}, LONG, "a"),
        ({"shared_characters": 24_000, "running": 1}, {}, LONG, "a"),
        ({"shared_characters": 24_000, "running": 5}, {}, LONG, "b"),
        ({"shared_characters": 512, "running": 1}, {}, LONG, "b"),
        ({"shared_characters": 24_000, "standing": ON_DISK}, {}, LONG, "b"),
        # the machine
        ({"standing": machine(local=True)}, {}, SHORT, "b"),
        ({"standing": machine(local=True)}, {"running": 1}, SHORT, "a"),
        ({"standing": machine(on_battery=True)}, {}, SHORT, "b"),
        ({"standing": machine(in_use=True)}, {}, SHORT, "b"),
        ({"standing": machine(cpu_percent=90.0)}, {}, SHORT, "b"),
        # failures
        ({"penalty": 1.0}, {}, SHORT, "b"),
        ({"penalty": 0.1}, {"running": 2}, SHORT, "a"),
        ({"circuit": Circuit.OPEN}, {"running": 9, "penalty": 8.0}, SHORT, "b"),
        ({"circuit": Circuit.HALF_OPEN}, {"running": 1}, SHORT, "a"),
        ({"circuit": Circuit.OPEN}, {"circuit": Circuit.OPEN, "running": 1}, SHORT, "a"),
        ({"overdue_s": 10.0}, {"running": 2}, SHORT, "b"),
        ({"pace": Pace()}, {"pace": SLOW, "running": 1}, SHORT, "a"),  # unknown: tried out,
        ({"pace": Pace(), "running": 1}, {"pace": SLOW}, SHORT, "b"),  # but with one request
        ({"pace": Pace(decode=50.0, prefill=1000.0, crowding=0.1), "running": 4}, {"running": 3}, SHORT, "a"),
        # as people want it
        ({"standing": machine(weight=0.5)}, {}, SHORT, "b"),
        ({"standing": machine(weight=3.0)}, {"pace": FAST}, SHORT, "a"),
        ({"standing": machine(weight=0.0)}, {}, SHORT, "b"),
    ],
)
def test_auto(a: dict[str, object], b: dict[str, object], work: Work, best: str) -> None:
    pair = candidate("a", **a), candidate("b", **b)
    for turn in (0, 1):
        assert order(Mode.AUTO, *pair, work=work, turn=turn)[0] == best
        assert order(Mode.AUTO, *reversed(pair), work=work, turn=turn)[0] == best


def test_equals_take_turns() -> None:
    three = [candidate(name) for name in "abc"]
    assert [order(Mode.AUTO, *three, turn=turn) for turn in range(4)] == ["abc", "bca", "cab", "abc"]
    assert [order(Mode.ROUND_ROBIN, *three, turn=turn) for turn in range(3)] == ["abc", "bca", "cab"]


@pytest.mark.parametrize(
    ("standings", "running", "best"),
    [
        ((load(10.0), load(20.0)), (0, 0), "a"),
        ((load(10.0), load(20.0)), (2, 0), "b"),
        ((load(10.0, memory_percent=50.0), load(20.0)), (0, 0), "b"),
        ((load(10.0, gpu_percent=50.0), load(20.0)), (0, 0), "b"),
        ((load(10.0, gpu_memory_percent=50.0), load(20.0)), (0, 0), "b"),
        ((load(90.0), load(10.0)), (0, 7), "b"),
        ((load(90.0), load(20.0)), (0, 8), "a"),
        ((replace(load(10.0), active=3), load(20.0)), (0, 0), "b"),
        ((machine(cpu_percent=1.0), load(20.0)), (0, 0), "b"),  # never measured
        ((load(20.0, weight=2.0), load(15.0)), (0, 0), "a"),
    ],
)
def test_metrics(standings: tuple[Standing, Standing], running: tuple[int, int], best: str) -> None:
    pair = [
        candidate(name, standing=standing, running=number)
        for name, standing, number in zip("ab", standings, running, strict=True)
    ]
    assert [order(Mode.METRICS, *pair, turn=turn)[0] for turn in (0, 1)] == [best, best]


@pytest.mark.parametrize(
    "standing",
    [
        load(81.0),
        machine(cpu_percent=1.0, read_at=NOW - 121.0),
        machine(cpu_percent=1.0),
    ],
)
def test_metrics_that_say_nothing(standing: Standing) -> None:
    pair = [candidate("a", standing=standing), candidate("b", standing=standing)]
    assert [order(Mode.METRICS, *pair, turn=turn) for turn in (0, 1)] == ["ab", "ba"]


@pytest.mark.parametrize("mode", Mode)
def test_one_or_none(mode: Mode) -> None:
    assert order(mode) == ""
    assert order(mode, candidate("a"), turn=5) == "a"


def test_weights_are_shares_of_the_turns() -> None:
    pair = [candidate("a", standing=machine(weight=3.0)), candidate("b"), candidate("c")]
    turns = "".join(order(Mode.ROUND_ROBIN, *pair, turn=turn)[0] for turn in range(1000))
    assert {name: round(turns.count(name) / 100) for name in "abc"} == {"a": 6, "b": 2, "c": 2}
    assert "bb" not in turns


@pytest.mark.parametrize("mode", Mode)
def test_those_that_rest_come_last_and_are_worth_no_slot(mode: Mode) -> None:
    three = [candidate("a", circuit=Circuit.OPEN), candidate("b"), candidate("c")]
    for turn in range(3):
        found = ranked(mode, three, SHORT, turn=turn, now=NOW)
        assert found[-1].id == "a"
        assert worthwhile(mode, found) == 2
    everyone = [replace(each, circuit=Circuit.OPEN) for each in three]
    assert worthwhile(mode, ranked(mode, everyone, SHORT, turn=0, now=NOW)) == 3


@pytest.mark.parametrize(
    ("mode", "costs", "count"),
    [
        (Mode.AUTO, (1.0, 4.9, 5.1), 2),
        (Mode.AUTO, (10.0, 20.0, 31.0), 3),
        (Mode.AUTO, (), 0),
        (Mode.METRICS, (1.0, 1000.0), 2),
    ],
)
def test_what_is_worth_a_free_slot(mode: Mode, costs: tuple[float, ...], count: int) -> None:
    assert worthwhile(mode, [Ranked(EndpointId(str(cost)), cost) for cost in costs]) == count


@dataclass
class Node:
    """A simulated machine: each of its answers is slowed down by the others; it keeps every prefix it served."""

    name: str
    pace: Pace
    slots: int = 8
    running: int = 0
    most: int = 0
    answered: int = 0
    prefixes: set[int] = field(default_factory=set)

    def answer_s(self, work: Work, prefix: int) -> float:
        self.running += 1
        self.most = max(self.most, self.running)
        self.answered += 1
        known = Candidate(
            id=EndpointId(self.name),
            pace=self.pace,
            shared_characters=self.shared(work, prefix),
        )
        self.prefixes.add(prefix)
        return cost_s(known, work) * slowdown(self.running)

    def shared(self, work: Work, prefix: int) -> int:
        return int(work.prompt_tokens * CHARACTERS_PER_TOKEN) if prefix in self.prefixes else 0

    def facts(self, work: Work, prefix: int) -> Candidate:
        return Candidate(
            id=EndpointId(self.name),
            slots=self.slots,
            running=self.running,
            pace=self.pace,
            shared_characters=self.shared(work, prefix),
        )


def simulate(
    nodes: list[Node], work: Work, prefix_of: "dict[int, int] | None", *, clients: int, requests: int
) -> Counter[str]:
    """Clients that ask again as soon as they are answered; `prefix_of`: request → its prefix, else one for all."""
    events: list[tuple[float, int, Node | None]] = [(0.0, number, None) for number in range(clients)]
    heapq.heapify(events)
    by_name, asked, tie = {node.name: node for node in nodes}, 0, count(clients)
    waiting: list[float] = []
    while events:
        now, _, done = heapq.heappop(events)
        if done is not None:
            done.running -= 1
        if asked == requests:
            continue
        prefix = 0 if prefix_of is None else prefix_of[asked]
        candidates = [node.facts(work, prefix) for node in nodes if node.running < node.slots]
        if not candidates:
            waiting.append(now)
            continue
        best = by_name[ranked(Mode.AUTO, candidates, work, turn=asked, now=now)[0].id]
        heapq.heappush(events, (now + best.answer_s(work, prefix), next(tie), best))
        asked += 1
    assert not waiting, "there are more clients than slots"
    return Counter({node.name: node.answered for node in nodes})


@pytest.mark.parametrize(("clients", "nodes_used"), [(4, 1), (8, 2), (12, 3), (20, 3)])
def test_a_hot_prefix_overloads_nobody(clients: int, nodes_used: int) -> None:
    nodes = [Node(name, PACE) for name in "abc"]
    shares = simulate(nodes, LONG, None, clients=clients, requests=600)
    assert sum(share > 0 for share in shares.values()) == nodes_used
    used = [share for share in shares.values() if share]
    assert max(used) <= 1.2 * min(used)
    assert max(node.most for node in nodes) <= max(5, clients // 3 + 2)


def test_a_prefix_stays_where_it_is_while_there_is_room() -> None:
    nodes = [Node(name, PACE) for name in "abc"]
    random = Random(7)
    prefixes = {number: random.randrange(30) for number in range(600)}
    simulate(nodes, LONG, prefixes, clients=3, requests=600)
    assert sum(len(node.prefixes) for node in nodes) <= 45  # of 30, each would be everywhere: 90


@pytest.mark.parametrize(("clients", "low", "high"), [(4, 2.5, 5.0), (12, 2.5, 4.0), (30, 2.5, 3.5)])
def test_unequal_nodes_get_work_by_their_speed(clients: int, low: float, high: float) -> None:
    nodes = [
        Node("a", Pace(decode=90.0, prefill=900.0), slots=24),
        Node("b", Pace(decode=30.0, prefill=300.0), slots=24),
    ]
    shares = simulate(nodes, SHORT, None, clients=clients, requests=2000)
    assert low <= shares["a"] / shares["b"] <= high
