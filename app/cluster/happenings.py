"""What happened between two looks at the cluster, as `GET /v0/cluster` shows it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

_FLEETING = frozenset(
    {"last_heard_s", "clock_skew_s", "link", "trouble"}
)  # of a machine: different at each look
_LEFT_OUT = frozenset({"elections", "warnings", "nodes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing. `private` ones are for administrators."""

    kind: str  # router, machine, join_request
    data: Document
    private: bool = False


def lasting(cluster: Document) -> Document:
    """What of a document doesn't change by itself from look to look."""
    nodes = [
        {name: value for name, value in each.items() if name not in _FLEETING} for each in cluster["nodes"]
    ]
    return {**{name: value for name, value in cluster.items() if name not in _LEFT_OUT}, "nodes": nodes}


def happenings(before: Document, after: Document) -> Iterator[Happening]:
    """Machines that came, went, fell silent or are back, another router, requests to join."""
    yield from _machines(_by_id(before["nodes"]), _by_id(after["nodes"]))
    if _id(before["router"]) != _id(after["router"]):
        yield Happening(kind="router", data={"router": after["router"], "term": after["term"]})
    earlier, later = _by_id(before["requests"]), _by_id(after["requests"])
    for id, request in later.items():
        if id not in earlier:
            yield _request("appeared", request)
    for id, request in earlier.items():
        if id not in later:
            yield _request("ended", request)


def _machines(before: Document, after: Document) -> Iterator[Happening]:
    for id, machine in after.items():
        if id not in before:
            yield _machine("joined", machine)
        if machine["online"] != (before[id]["online"] if id in before else False):
            yield _machine("online" if machine["online"] else "offline", machine)
    for id, machine in before.items():
        if id not in after:
            yield _machine("left", machine)


def _machine(change: str, machine: Document) -> Happening:
    data = {"change": change, "machine": {"id": machine["id"], "name": machine["name"]}}
    return Happening(kind="machine", data=data)


def _request(change: str, request: Document) -> Happening:
    return Happening(kind="join_request", data={"change": change, "request": request}, private=True)


def _by_id(documents: list[Document]) -> dict[str, Document]:
    return {each["id"]: each for each in documents}


def _id(named: Document | None) -> str | None:
    return None if named is None else str(named["id"])
