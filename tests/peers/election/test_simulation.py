"""Thousands of histories of a simulated cluster end well, and broken rules are caught."""

import os

import pytest

from corral.peers.election.messages import Claim, ClaimRef
from corral.peers.election.rules import Rules, Standing
from corral.peers.ids import NodeId
from tests.peers.election.history import KINDS, History, Kind
from tests.peers.election.simulated_node import Broken

SHARDS = 20
HISTORIES = 10_000  # CORRAL_HISTORIES=1000000 makes a night of it
ENOUGH = 600  # in so many histories a broken rule must show


@pytest.mark.parametrize("shard", range(SHARDS))
def test_histories_end_well(shard: int) -> None:
    histories = int(os.environ.get("CORRAL_HISTORIES", HISTORIES))
    messages = 0
    for seed in range(shard, histories, SHARDS):
        history = History(seed)
        history.run()
        messages += history.net.messages
    assert messages > histories  # else nothing was proven


def test_a_history_can_be_seen_again() -> None:
    def ran(seed: int) -> tuple[int, float, dict[ClaimRef, tuple[NodeId, int]]]:
        history = History(seed)
        history.run()
        return history.net.messages, history.net.now, history.net.reigns

    assert [ran(seed) for seed in range(28)] == [ran(seed) for seed in range(28)]


class AbsorbedClaimsCount(Rules):
    def voids(self, absorbed: ClaimRef) -> bool:
        return False


class AbsorbedRoutersReignOn(Rules):
    def absorbed(self, mine: ClaimRef, by: Claim) -> bool:
        return False


class BothDecide(Rules):
    def decides(self, me: NodeId, other: NodeId) -> bool:
        return True


class NobodyDecides(Rules):
    def decides(self, me: NodeId, other: NodeId) -> bool:
        return False


class TheWeakerStays(Rules):
    def outdoes(self, other: Claim, mine: Claim) -> bool:
        return not super().outdoes(other, mine)


class NoFence(Rules):
    def fenced(self, term: int, max_term: int) -> int:
        return term


class NoSleep(Rules):
    def slept(self, idle_s: float, lease_s: float) -> bool:
        return False


class CandidatesGiveIn(Rules):
    def denies_for_itself(self, mine: Standing, theirs: Standing) -> bool:
        return False


class CandidatesAreStubborn(Rules):
    def denies_for_itself(self, mine: Standing, theirs: Standing) -> bool:
        return True


class NobodyDefendsTheRouter(Rules):
    def denies_for_router(self, heard_s: float, trust_s: float) -> bool:
        return False


class OldTermsCount(Rules):
    def supersedes(self, newer: int, older: int) -> bool:
        return False


class RelaysRefresh(Rules):
    def refreshes(self, seq: int, known: int) -> bool:
        return seq >= known


class WorkersObeyAnybody(Rules):
    def accepts(self, term: int, floor: int) -> bool:
        return True


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        (AbsorbedClaimsCount, History.draining),
        (AbsorbedRoutersReignOn, History.healing),
        (BothDecide, History.healing),
        (NobodyDecides, History.healing),
        (TheWeakerStays, History.healing),
        (NoFence, History.healing),
        (NoSleep, History.sleeping),
        (CandidatesGiveIn, History.crowding),
        (CandidatesAreStubborn, History.crowding),
        (NobodyDefendsTheRouter, History.straggling),
        (OldTermsCount, History.healing),
        (RelaysRefresh, History.outage),
        (WorkersObeyAnybody, History.chaos),
    ],
)
def test_a_broken_rule_is_caught(rules: type[Rules], kind: Kind) -> None:
    assert kind in KINDS
    with pytest.raises(Broken, match="history"):
        for seed in range(ENOUGH):
            History(seed, rules=rules(), kind=kind).run()
