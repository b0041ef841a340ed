"""What happened between two looks at a cluster."""

from typing import Any

import pytest

from corral.app.cluster.happenings import happenings, lasting


def node(name: str, **other: object) -> dict[str, Any]:
    return {"id": name.upper(), "name": name, "online": True, "last_heard_s": 0.1, "link": "reached", **other}


def cluster(*nodes: dict[str, Any], router: str | None = "h1", **other: object) -> dict[str, Any]:
    return {
        "name": "corral",
        "term": 3,
        "router": None if router is None else {"id": router.upper(), "name": router},
        "nodes": list(nodes),
        "requests": [],
        "elections": [],
        "warnings": [],
        **other,
    }


H1, H2 = node("h1"), node("h2")
ASKS = {"id": "r1", "name": "h3", "code": "123 456"}


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (cluster(H1), cluster(H1), []),
        (cluster(H1), cluster(H1, H2), ["joined h2", "online h2"]),
        (cluster(H1), cluster(H1, node("h2", online=False)), ["joined h2"]),
        (cluster(H1, H2), cluster(H1), ["left h2"]),
        (cluster(H1, H2), cluster(H1, node("h2", online=False)), ["offline h2"]),
        (cluster(H1, node("h2", online=False)), cluster(H1, H2), ["online h2"]),
        (cluster(H1), cluster(H1, router=None), ["router None"]),
        (cluster(H1, router=None), cluster(H1), ["router h1"]),
        (cluster(H1, H2), cluster(H1, H2, router="h2"), ["router h2"]),
        (cluster(H1), cluster(H1, requests=[ASKS]), ["appeared h3"]),
        (cluster(H1, requests=[ASKS]), cluster(H1), ["ended h3"]),
        (
            cluster(H1, H2),
            cluster(node("h1", online=False), H2, router="h2"),
            ["offline h1", "router h2"],
        ),
    ],
)
def test_happenings(before: dict[str, Any], after: dict[str, Any], kinds: list[str]) -> None:
    told = []
    for each in happenings(before, after):
        if each.kind == "router":
            told.append(f"router {(each.data['router'] or {}).get('name')}")
        else:
            who = each.data.get("machine") or each.data["request"]
            told.append(f"{each.data['change']} {who['name']}")
        assert each.private is (each.kind == "join_request")
    assert told == kinds


def test_what_always_changes_is_no_change() -> None:
    before = cluster(H1, H2)
    same = cluster(H1, node("h2", last_heard_s=7.0, link="broken"), elections=[{}], warnings=["x"])
    assert lasting(before) == lasting(same)
    assert lasting(before) != lasting(cluster(H1, node("h2", needs_update=True)))
    assert lasting(before) != lasting(cluster(H1, H2, name="home"))
