"""Which claims count."""

import pytest

from corral.peers.election.claim_table import ClaimTable
from corral.peers.election.messages import MOST_CLAIMS, Claim, ClaimRef
from corral.peers.election.rules import Rules
from corral.peers.ids import NodeId

R = NodeId("R")


def table() -> ClaimTable:
    return ClaimTable(lease_s=2.0, rules=Rules())


def claim(term: int, seq: int, router: NodeId = R) -> Claim:
    return Claim(ClaimRef(term, router), seq)


def test_no_relay_prolongs_a_claim() -> None:
    claims = table()
    known = claims.learn(claim(1, 1), age_s=0.5, now=10.0)
    assert known is not None and known.born == 9.5
    again = claims.learn(claim(1, 1), age_s=0.0, now=11.0)
    assert again is known and known.born == 9.5
    assert claims.learn(claim(1, 1), age_s=0.0, now=11.6) is None
    assert claims.fresh(11.6) == []
    assert claims.learn(claim(1, 2), age_s=0.1, now=11.6) is known and known.born == 11.5


@pytest.mark.parametrize(
    ("first", "then", "stays"),
    [
        (claim(1, 9), claim(2, 1), claim(2, 1)),
        (claim(2, 1), claim(1, 9), claim(2, 1)),
        (claim(2, 3), claim(2, 2), claim(2, 3)),
        (claim(2, 3), claim(2, 4), claim(2, 4)),
    ],
)
def test_the_newest_of_a_router_counts(first: Claim, then: Claim, stays: Claim) -> None:
    claims = table()
    claims.learn(first, age_s=0.0, now=1.0)
    claims.learn(then, age_s=0.0, now=1.1)
    assert [known.claim for known in claims.fresh(1.2)] == [stays]


def test_what_is_void_stays_void_also_after_sleep() -> None:
    claims = table()
    claims.learn(claim(3, 1), age_s=0.0, now=1.0)
    claims.void(ClaimRef(3, R))
    claims.forget_times()
    assert claims.fresh(1.0) == []
    assert claims.learn(claim(3, 2), age_s=0.0, now=1.0) is None
    assert claims.learn(claim(2, 2), age_s=0.0, now=1.0) is None
    assert claims.learn(claim(4, 2), age_s=0.0, now=1.0) is not None
    claims.forget({R})
    assert claims.learn(claim(3, 2), age_s=0.0, now=1.0) is not None


def test_what_is_told_to_others_begins_with_what_is_followed() -> None:
    claims = table()
    for number in range(MOST_CLAIMS + 3):
        claims.learn(claim(1, 1, NodeId(f"R{number}")), age_s=0.0, now=1.0 + number / 10)
    told = claims.sightings(2.0, NodeId("R0"))
    assert len(told) == MOST_CLAIMS
    assert told[0].claim.ref.router == "R0" and told[0].age_ms == 1000
    assert told[1].claim.ref.router == f"R{MOST_CLAIMS + 2}"
