"""The elector, step by step."""

import random

import pytest

from corral.peers.election.chronicle import GAVE_WAY, HANDED_OVER, MERGERS, MET
from corral.peers.election.effects import Persist, Probe, Send
from corral.peers.election.elector import Elector
from corral.peers.election.errors import HandoverImpossible
from corral.peers.election.machine import State
from corral.peers.election.messages import (
    ALIVE,
    BUSY,
    MOST_TERM,
    Beat,
    Claim,
    ClaimRef,
    Deny,
    Elect,
    Sighting,
    Takeover,
)
from corral.peers.election.preference import Preference
from corral.peers.ids import NodeId

A, B, C = NodeId("A"), NodeId("B"), NodeId("C")


def elector(me: NodeId = A, *members: NodeId, max_term: int = 0) -> Elector:
    return Elector(
        me=me,
        boot=1,
        max_term=max_term,
        members=members,
        now=100.0,
        rng=random.Random(1),
        preference=Preference(),
    )


def state(node: Elector) -> State:
    return node.state


def advance(node: Elector, now: float, until: float) -> float:
    """Tick when due; the elector asks for no more than it should."""
    for _ in range(1000):
        due = node.next_wake(now)
        if due > until:
            return until
        now = due
        node.tick(now)
    raise AssertionError("it wants to be woken all the time")


def claims(router: NodeId, term: int = 5, seq: int = 1, number: int = 1, **more: object) -> Beat:
    claim = Claim(ClaimRef(term, router), seq, 1, 50)
    return Beat(boot=7, number=number, max_term=term, follows=claim.ref, claims=(Sighting(claim, 0),))


def following(me: NodeId = A, *members: NodeId) -> tuple[Elector, float]:
    node = elector(me, *(members or (B, C)))
    node.tick(100.0)
    node.hear(B, claims(B), 100.1)
    return node, 100.1


def test_a_machine_alone_reigns_soon() -> None:
    node = elector()
    assert state(node) is State.JOINING and node.router is None
    advance(node, 100.0, 100.69)
    assert state(node) is State.JOINING
    effects = node.tick(100.71)
    assert effects == [Persist(1)]
    assert state(node) is State.ROUTER and node.router == A and node.claim == ClaimRef(1, A)
    assert node.is_router(102.7) and not node.is_router(102.72)  # no tick for a lease: it may have slept


def test_who_knows_others_listens_first_and_asks() -> None:
    node = elector(A, B, max_term=4)
    now = advance(node, 100.0, 102.99)
    assert state(node) is State.JOINING
    effects = node.tick(103.0)
    assert effects[:2] == [Persist(5), Send(B, Elect(term=5, prio=50))]
    assert state(node) is State.CANDIDATE
    now = advance(node, 103.0, 103.5)
    assert state(node) is State.ROUTER and node.claim == ClaimRef(5, A) and node.is_router(now)


def test_a_denial_makes_it_wait() -> None:
    node = elector(A, B)
    advance(node, 100.0, 103.1)
    assert node.hear(B, Deny(term=1, why=ALIVE), 103.2) == []
    assert state(node) is State.SUSPECT
    advance(node, 103.2, 103.49)
    assert state(node) is State.SUSPECT
    advance(node, 103.49, 104.6)
    assert state(node) is State.ROUTER and node.claim == ClaimRef(2, A)


def test_a_claim_is_followed_at_once_and_as_long_as_it_is_renewed() -> None:
    node, now = following()
    assert state(node) is State.FOLLOWING and node.router == B
    node.tick(101.0)
    node.hear(C, claims(B, seq=1), 101.9)  # a relay of the same seq
    node.tick(102.05)
    assert node.router == B
    node.hear(C, claims(B, seq=2, number=2), 102.06)
    now = advance(node, 102.06, 104.0)
    assert node.router == B
    advance(node, now, 104.1)
    assert node.router is None and state(node) in (State.SUSPECT, State.CANDIDATE)


def test_only_members_are_heard() -> None:
    node = elector(A, B)
    node.tick(100.0)
    stranger = NodeId("X")
    assert node.hear(stranger, claims(stranger, 9), 100.1) == []
    node.hear(B, claims(stranger, 9), 100.1)
    assert node.router is None
    node.set_members([A, B, stranger], 100.2)
    node.hear(stranger, claims(stranger, 9), 100.3)
    assert node.router == stranger
    node.set_members([A, B], 100.4)
    assert node.router is None


def test_two_versions_away_is_not_heard() -> None:
    node = elector(A, B)
    node.tick(100.0)
    node.hear(B, Beat(version=3, number=1, claims=claims(B).claims), 100.1)
    assert node.router is None and node.other_versions == {B: 3}
    node.hear(B, Beat(version=2, number=2, claims=claims(B).claims), 100.2)
    assert node.router == B and node.other_versions == {}


def test_who_is_left_behind_by_most_neither_reigns_nor_stands() -> None:
    node = elector(A, B, C)
    now = advance(node, 100.0, 103.5)
    assert state(node) is State.ROUTER
    node.hear(B, Beat(version=3, number=1), now)
    node.hear(C, Beat(number=1), now)
    node.tick(now + 0.1)
    assert state(node) is State.ROUTER and not node.outdated
    node.hear(C, Beat(version=3, number=2), now + 0.2)
    sent = node.tick(now + 0.3)
    assert node.outdated and not node.is_router(now + 0.3)
    assert any(isinstance(each, Send) and isinstance(each.message, Beat) for each in sent)
    for step in range(8):
        node.hear(C, Beat(version=3, number=3 + step), now + 1 + step)
        advance(node, now + 1 + step, now + 2 + step)
        assert state(node) is State.SUSPECT
    advance(node, now + 9, now + 30)
    assert state(node) is State.ROUTER  # they are gone


def test_who_denies_for_ever_is_not_listened_to() -> None:
    node = elector(A, B, C)
    now = 100.0
    for _ in range(200):
        now = node.next_wake(now)
        for effect in node.tick(now):
            if isinstance(effect, Send) and effect.to == B and isinstance(effect.message, Elect):
                node.hear(B, Deny(term=effect.message.term, why=ALIVE), now + 0.01)
    assert state(node) is State.ROUTER


def test_a_router_wrongly_thought_gone_takes_a_newer_term() -> None:
    node, now = following()
    for each in (B, C):
        node.set_members([A, B, C], now)
        node.refused(each, now)
    node.refused(B, now + 0.1)
    assert node.router is None
    node.hear(B, claims(B, seq=2, number=2), now + 0.2)
    assert node.router is None and node.max_term == 6  # which it tells the router
    node.hear(B, claims(B, term=7, seq=3, number=3), now + 0.7)
    assert node.router == B


def test_a_refusing_port_ends_the_lease() -> None:
    node, now = following()
    assert node.lost(C, now) == []
    assert node.lost(B, now) == [Probe(B)]
    node.refused(B, now + 0.01)
    assert node.router == B
    assert Probe(B) not in node.tick(now + 0.1)
    assert Probe(B) in node.tick(now + 0.1101)
    node.refused(B, now + 0.111)
    assert node.router is None
    sent = node.tick(node.next_wake(now + 0.111))
    assert any(
        isinstance(each, Send) and isinstance(each.message, Beat) and each.message.refused for each in sent
    )


def test_two_members_may_say_so() -> None:
    d = NodeId("D")
    node, now = following(A, B, C, d)
    node.hear(C, Beat(number=1, refused=ClaimRef(5, B)), now)
    assert node.router == B
    node.hear(C, Beat(number=2, refused=ClaimRef(5, B)), now)
    assert node.router == B
    node.hear(d, Beat(number=1, refused=ClaimRef(5, B)), now)
    assert node.router is None


def test_a_router_started_anew_is_none() -> None:
    node, now = following()
    node.hear(B, Beat(boot=8, number=1, max_term=5), now + 0.1)
    assert node.router is None


def test_an_earlier_beat_that_comes_late_says_nothing() -> None:
    node = elector(A, B)
    node.tick(100.0)
    node.hear(B, claims(B, number=2), 100.1)
    node.hear(B, Beat(boot=7, number=1, max_term=5), 100.2)
    assert node.router == B


def test_a_router_gives_way_to_another_one_but_not_to_its_last_word() -> None:
    def stronger(seq: int) -> tuple[Sighting, ...]:
        return (Sighting(Claim(ClaimRef(1, B), seq, 5, 100)),)

    node = elector(A, B, C)
    now = advance(node, 100.0, 104.0)
    node.hear(C, Beat(number=1, max_term=1, claims=stronger(7)), now)
    assert state(node) is State.ROUTER
    node.hear(C, Beat(number=2, max_term=1, claims=stronger(8)), now + 0.5)
    assert state(node) is State.FOLLOWING and node.router == B

    node = elector(A, B, C)
    now = advance(node, 100.0, 104.0)
    node.hear(B, Beat(number=1, max_term=1, claims=stronger(7)), now)
    assert state(node) is State.FOLLOWING and node.router == B
    assert node.changes[-1].reason == GAVE_WAY


def test_both_of_two_routers_that_meet_say_so() -> None:
    """A decides; what the other one sees of it is that they met."""
    decides, waits = elector(A, B), elector(B, A)
    now = advance(decides, 100.0, 104.0)
    advance(waits, 100.0, 104.0)
    waits.hear(A, claims(A, term=1), now)
    waits.hear(A, claims(A, term=1, seq=2, number=2), now + 0.1)
    assert waits.is_router(now)
    assert [each.reason for each in waits.changes if each.reason in MERGERS] == [MET]
    decides.hear(B, claims(B, term=1), now)
    assert [each.reason for each in decides.changes if each.reason in MERGERS] == [GAVE_WAY]


def test_a_router_hears_of_a_meeting_from_the_one_that_gave_way() -> None:
    """Also where nothing of the other reign came through: each of its beats says so, and it is noted once."""
    stays = elector(A, B)
    now = advance(stays, 100.0, 104.0)
    mine = stays.claim
    for number in range(1, 9):
        stays.tick(now + number * 0.5)
        stays.hear(B, Beat(number=number, max_term=2, follows=mine, gave_way=True), now + number * 0.5)
    assert state(stays) is State.ROUTER
    assert [each.reason for each in stays.changes if each.reason in MERGERS] == [MET]


def test_a_router_that_gave_way_says_so_for_a_while() -> None:
    node = elector(A, B)
    now = advance(node, 100.0, 104.0)
    node.hear(B, Beat(number=1, max_term=9, claims=(Sighting(Claim(ClaimRef(9, B), 7, 5, 100)),)), now)
    assert node.router == B
    said: list[bool] = []
    for step in range(1, 50):
        at = now + step * 0.5
        seen = (Sighting(Claim(ClaimRef(9, B), 7 + step, 5, 100)),)
        node.hear(B, Beat(number=1 + step, max_term=9, claims=seen), at)
        beats = [each.message for each in node.tick(at) if isinstance(each, Send)]
        said += [each.gave_way for each in beats if isinstance(each, Beat)]
    assert said[0] and not said[-1]


def test_handing_over() -> None:
    node = elector(A, B, C)
    advance(node, 100.0, 103.5)
    mine = node.claim
    assert mine is not None
    with pytest.raises(HandoverImpossible, match="No other machine"):
        node.handover(None, 103.5)
    node.hear(B, Beat(number=1, prio=50, max_term=1, follows=mine), 103.6)
    node.hear(C, Beat(number=1, prio=10, max_term=1, follows=mine), 103.6)
    assert node.successors == (B, C)
    with pytest.raises(HandoverImpossible, match="isn't connected"):
        node.handover(NodeId("D"), 103.6)
    assert node.handover(C, 103.6) == [Send(C, Takeover(claim=mine))]
    assert state(node) is State.DRAINING and node.is_router(103.6)
    assert node.cancel_drain(103.6) == [] and state(node) is State.ROUTER
    assert node.drain(103.7) == [Send(B, Takeover(claim=mine))]
    assert node.hear(B, Deny(term=mine.term, why=BUSY), 103.71) == [Send(C, Takeover(claim=mine))]
    heir = Claim(ClaimRef(2, C), 1, 0, 10, False, (mine,))
    node.hear(C, Beat(number=2, max_term=2, claims=(Sighting(heir),)), 103.72)
    assert state(node) is State.FOLLOWING and node.router == C and not node.is_router(103.72)
    assert node.changes[-1].reason == HANDED_OVER
    with pytest.raises(HandoverImpossible, match="not the router"):
        node.handover(None, 103.8)


def test_a_handover_to_a_deaf_member_fails_and_it_reigns_on() -> None:
    node = elector(A, B)
    advance(node, 100.0, 103.5)
    node.hear(B, Beat(number=1, follows=node.claim), 103.5)
    node.handover(B, 103.5)
    advance(node, 103.5, 104.7)
    assert state(node) is State.ROUTER
    assert node.changes[-1].reason == "nobody took over"


def test_taking_over() -> None:
    node, now = following()
    ref = ClaimRef(5, B)
    assert node.hear(C, Takeover(claim=ref), now) == []  # not the router
    assert node.hear(C, Takeover(claim=ClaimRef(5, C)), now) == []
    effects = node.hear(B, Takeover(claim=ref), now)
    assert effects[0] == Persist(6)
    assert node.claim == ClaimRef(6, A)
    node.tick(now + 0.1)
    assert node.is_router(now + 0.1)


def test_a_worker_obeys_nobody_older_than_whom_it_followed() -> None:
    node, now = following()
    assert node.accepts(ClaimRef(5, B), now)
    assert not node.accepts(ClaimRef(4, C), now)
    assert not node.accepts(ClaimRef(5, C), now)
    assert node.accepts(ClaimRef(6, C), now)
    assert not node.accepts(ClaimRef(5, B), now)
    assert not node.accepts(ClaimRef(9, NodeId("X")), now)
    assert not node.accepts(ClaimRef(MOST_TERM, C), now)
    assert node.accepts(ClaimRef(7, B), now)


def test_who_slept_is_not_asked_and_listens_first() -> None:
    node = elector(A, B)
    now = advance(node, 100.0, 104.0)
    assert node.is_router(now)
    assert not node.is_router(160.0)
    assert node.hear(B, Elect(term=9, prio=10), 160.0) == []  # no denial
    assert state(node) is State.JOINING and node.router is None
    advance(node, 160.0, 162.9)
    assert node.router is None


def test_a_clock_that_goes_back_is_like_sleep() -> None:
    node = elector(A, B)
    now = advance(node, 100.0, 104.0)
    node.tick(now - 1.0)
    assert node.is_router(now)
    node.tick(50.0)
    assert state(node) is State.JOINING
    advance(node, 50.0, 54.0)
    assert state(node) is State.ROUTER
