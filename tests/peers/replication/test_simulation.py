"""Thousands of histories of a simulated cluster end well, and broken rules are caught."""

import re
from collections.abc import Sequence

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.cell import Cell, Rules, only_grows
from corral.peers.replication.clock import HybridClock, Instant, Stamp
from corral.peers.replication.edit import Edit
from corral.peers.replication.memory_storage import MemoryStorage
from corral.peers.replication.receipt import Receipt
from corral.peers.replication.replica import Replica
from tests.peers.replication.simulation import TIMING, Broken, History, MakeReplica, sound_replica

SHARDS = 10
HISTORIES = 3000
ENOUGH = 1500  # in so many histories a broken rule must show


@pytest.mark.parametrize("shard", range(SHARDS))
def test_histories_end_well(shard: int) -> None:
    acknowledged = 0
    for seed in range(shard, HISTORIES, SHARDS):
        history = History(seed)
        history.run()
        acknowledged += history.acknowledged
    assert acknowledged > HISTORIES / SHARDS  # else nothing was proven


@pytest.mark.parametrize("seed", range(60))
def test_a_revocation_is_everywhere_within_a_second_and_costs_little(seed: int) -> None:
    history = History(seed)
    others = len(history.machines) - 1
    took_s, questions = history.spread(blackout_s=0.0)
    assert took_s < 0.2  # it is handed over at once
    assert others <= questions <= 4 * others


@pytest.mark.parametrize("seed", range(60))
def test_a_lost_message_delays_a_revocation_until_the_next_heartbeats(seed: int) -> None:
    assert History(seed).spread(blackout_s=0.06)[0] < 1.0


def test_a_history_can_be_seen_again() -> None:
    def ran(seed: int) -> tuple[int, int, float]:
        history = History(seed)
        history.run()
        return history.questions, history.acknowledged, history.now_s

    assert [ran(seed) for seed in range(20)] == [ran(seed) for seed in range(20)]


class RevocationsCanBeUndone(Rules):
    """The later stamp wins everywhere."""

    def wins(self, new: Cell, old: Cell) -> bool:
        return (new.stamp, new.value) > (old.stamp, old.value)


class TheLastToArriveWins(Rules):
    """No order of versions."""

    def wins(self, new: Cell, old: Cell) -> bool:
        return super().wins(new, old) if only_grows(new.column) else new != old


class BelievesTheFuture(Rules):
    """A wrong clock is as good as a right one."""

    def from_the_future(self, stamp: Stamp, wall_ms: int) -> bool:
        return False


class AcknowledgesAlone(Replica):
    """Says that others have what it only handed over."""

    def write(self, edits: Sequence[Edit], now: Instant) -> Receipt:
        receipt = super().write(edits, now)
        self._receipts.stored(after=receipt.after, upto=receipt.upto)
        return receipt


class DeafClock(HybridClock):
    """Doesn't count on from what it saw."""

    def witness(self, stamp: Stamp) -> None:
        pass


def _broken(rules: Rules) -> MakeReplica:
    return lambda node, storage: sound_replica(node, storage, rules)


def _deaf(node: NodeId, storage: MemoryStorage) -> Replica:
    replica = sound_replica(node, storage)
    replica._clock = DeafClock(node)
    return replica


def _never_compares(node: NodeId, storage: MemoryStorage) -> Replica:
    never = Timing(retry_s=TIMING.retry_s, repair_s=1e9)
    return Replica(node=node, storage=storage, timing=never)


@pytest.mark.parametrize(
    ("make", "caught"),
    [
        (_broken(RevocationsCanBeUndone()), "a revoked key works again"),
        (_broken(TheLastToArriveWins()), "the machines didn't become equal|lost what was written"),
        (_broken(BelievesTheFuture()), "took a stamp from the future"),
        (
            lambda node, storage: AcknowledgesAlone(node=node, storage=storage, timing=TIMING),
            "acknowledged what",
        ),
        (_deaf, "a write isn't seen where it was written"),
        (_never_compares, "didn't become equal"),
    ],
    ids=["undo", "arrival", "future", "alone", "deaf clock", "no comparing"],
)
def test_broken_rules_are_caught(make: MakeReplica, caught: str) -> None:
    with pytest.raises(Broken) as broken:
        for seed in range(ENOUGH):
            History(seed, make=make).run()
    assert re.search(caught, str(broken.value))
    assert re.search(r"History\(\d+\)", str(broken.value))
