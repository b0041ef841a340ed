"""Which of very many endpoints are looked at."""

from corral.app.gateway.choice import Ranked
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.shortlist import MOST_LOOKED_AT, Shortlist
from tests.app.gateway.machines import Machines


def test_few_are_all_looked_at() -> None:
    endpoints = Machines(*(f"e{number}" for number in range(MOST_LOOKED_AT))).endpoints
    assert Shortlist().of(endpoints, "m", turn=3, holder=None) is endpoints


def test_of_many_the_best_the_holder_and_all_others_in_turn() -> None:
    endpoints = Machines(*(f"e{number}" for number in range(300))).endpoints
    best, holder = [EndpointId(f"e{number}") for number in range(100, 110)], EndpointId("e222")
    shortlist = Shortlist()
    shortlist.note("m", [Ranked(each, float(number)) for number, each in enumerate(best)])
    seen = set()
    for turn in range(20):
        found = [each.id for each in shortlist.of(endpoints, "m", turn=turn, holder=holder)]
        assert {*best, holder} <= set(found)
        assert len(found) == len(set(found)) <= MOST_LOOKED_AT
        seen |= set(found)
    assert len(seen) == 300
    assert not {*best} <= {each.id for each in shortlist.of(endpoints, "other", turn=0, holder=None)}
