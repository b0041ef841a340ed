"""When a cluster is said to be split, or to have become one again."""

from collections.abc import Sequence

import pytest

from corral.app.cluster.splits import MERGED_S, SPLIT_S, Change, Silence, split_warnings
from corral.peers.election.chronicle import ABSORBED_BY, ABSORBED_OTHER, GAVE_WAY, HANDED_OVER, MET, SILENT

NOW = 1_700_000_000.0


def change(ago: float, reason: str, router: str | None) -> Change:
    return Change(at=NOW - ago, reason=reason, router=router)


def silence(name: str, ago: float, *, ended: bool = False) -> Silence:
    return Silence(name=name, since=NOW - ago, ended=ended)


LOST = [change(900, "heard of it", "h1"), change(300, SILENT, None), change(299, "elected", "h2")]
ENDED = [change(900, "heard of it", "h1"), change(300, "its port refuses connections", None)]


@pytest.mark.parametrize(
    ("changes", "silent", "says"),
    [
        ([], [], None),
        (LOST, [], None),  # it is back
        (LOST, [silence("h1", 302)], "5 minutes ago the router h1 fell silent"),
        (LOST, [silence("h1", 302, ended=True)], None),
        (LOST, [silence("h3", 302)], None),  # another machine, by itself
        (ENDED, [silence("h1", 302)], None),
        (LOST, [silence("h1", 302), silence("h3", 301)], "5 minutes ago h1, h3 fell silent together"),
        ([], [silence("h2", 30), silence("h3", 31)], "Less than a minute ago h2, h3 fell silent together"),
        ([], [silence("h2", 30), silence("h3", 60)], None),
        ([], [silence("h2", 30, ended=True), silence("h3", 31)], None),
        ([], [silence("h2", SPLIT_S + 9), silence("h3", SPLIT_S + 9)], None),
        ([], [silence("h2", 7300), silence("h3", 7301)], "2 hours ago h2, h3"),
        ([], [silence("h2", 3700), silence("h3", 3701)], "An hour ago h2, h3"),
        ([], [silence(f"h{number}", 99) for number in range(9)], "h0, h1, h2, h3, h4 and 4 more fell silent"),
        # Two apart: the larger part counts, of equals the later one.
        ([], [silence(each, 60) for each in "ab"] + [silence(each, 90) for each in "cde"], "c, d, e fell"),
        ([], [silence(each, 60) for each in "ab"] + [silence(each, 90) for each in "cd"], "a, b fell"),
    ],
)
def test_a_split(changes: Sequence[Change], silent: Sequence[Silence], says: str | None) -> None:
    found = split_warnings(changes, silent, now=NOW)
    assert len(found) == (says is not None)
    if says is not None:
        assert says in found[0]


@pytest.mark.parametrize("reason", [ABSORBED_BY, ABSORBED_OTHER, GAVE_WAY, MET])
def test_a_meeting(reason: str) -> None:
    [found] = split_warnings([change(61, reason, "h2")], [], now=NOW)
    assert "A minute ago two parts" in found and "router h2" in found


@pytest.mark.parametrize(
    "changes",
    [
        [change(MERGED_S + 1, GAVE_WAY, "h2")],
        [change(5, "elected", "h2")],
        [change(5, "this machine slept", None), change(1, "heard of it", "h2")],
        [change(5, "took over", "h2")],
        [change(5, HANDED_OVER, "h2")],
    ],
)
def test_no_meeting(changes: Sequence[Change]) -> None:
    assert split_warnings(changes, [], now=NOW) == []


def test_the_last_of_several_meetings_is_told_besides_a_split() -> None:
    changes = [change(900, GAVE_WAY, "h2"), change(180, ABSORBED_OTHER, "h3")]
    split, merged = split_warnings(changes, [silence("h1", 60), silence("h4", 60)], now=NOW)
    assert "h1, h4 fell silent" in split
    assert merged.startswith("3 minutes ago two parts")
