"""What the running node says of its cluster: clocks, versions, copies of machines, the name, the router."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from corral.app.doctor.finding import Finding, ok, problem, warning

ROUTER_S = 10.0
_AGAIN_S = 0.25
_SKEW_S = 30.0
_CHECK = "cluster"

Local = Callable[[], Mapping[str, Any] | None]  # what the running node says of itself


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """`skews_s` and `outdated` are of members, by name; `outdated` has their versions."""

    name: str = "corral"
    members: int = 1
    strangers: int = 0  # machines of other clusters, heard or known by address
    router: str | None = None
    joining: Mapping[str, Any] | None = None
    skews_s: tuple[tuple[str, float], ...] = ()
    outdated: tuple[tuple[str, str], ...] = ()
    own_version: str = ""
    conflicts: tuple[str, ...] = ()  # machines with this one's identity
    name_strangers: tuple[str, ...] = ()  # addresses that answer to the cluster's name
    name_url: str = ""
    unreadable: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()


def until_router(local: Mapping[str, Any] | None, look_again: Local) -> Mapping[str, Any] | None:
    """What the node says once the cluster has a router, or after some seconds without one: elections are soon over."""
    deadline = time.monotonic() + ROUTER_S
    while local is not None and local["router"] is None and time.monotonic() < deadline:
        time.sleep(_AGAIN_S)
        local = look_again()
    return local


def gather_cluster(local: Mapping[str, Any], *, own_version: str) -> ClusterFacts:
    """Out of what the node says of itself."""
    discovery, others = local["discovery"], [each for each in local["nodes"] if not each["this"]]
    return ClusterFacts(
        name=local["cluster"]["name"],
        members=len(local["nodes"]),
        strangers=sum(not each["member"] and each["id"] is not None for each in discovery["machines"]),
        router=None if local["router"] is None else local["router"]["name"],
        joining=local["joining"],
        skews_s=tuple(
            (each["name"], each["clock_skew_s"]) for each in others if each["clock_skew_s"] is not None
        ),
        outdated=tuple((each["name"], each["version"] or "?") for each in others if each["needs_update"]),
        own_version=own_version,
        conflicts=tuple(discovery.get("conflicts", ())),
        name_strangers=tuple(discovery["name_strangers"]),
        name_url=local["cluster_url"],
        unreadable=tuple(discovery.get("unreadable", ())),
        splits=tuple(local["splits"]),
    )


def judge_cluster(facts: ClusterFacts) -> list[Finding]:
    """How it is, and a finding for each thing that is wrong."""
    return [_judge_state(facts), *_wrong(facts)]


def _judge_state(facts: ClusterFacts) -> Finding:
    if facts.router is None:
        remedy = "Look again; if it stays so, the findings above say why the machines don't hear each other."
        return problem(_CHECK, f"{facts.name} has no router at the moment", remedy)
    if facts.members > 1:
        return ok(_CHECK, f"{facts.name}: {facts.members} machines, the router is {facts.router}")
    joining = facts.joining
    if joining is not None and joining["state"] == "failed":
        remedy = "Try again: `corral cluster join`."
        return warning(
            _CHECK, f"this machine is alone; joining another cluster failed: {joining['error']}", remedy
        )
    if joining is not None and joining["code"] is not None:
        what = f"this machine waits to be let into {joining['cluster_name'] or 'another cluster'}"
        remedy = f"Approve it on a machine there, if that shows the code {joining['code']}: `corral cluster approve`."
        return warning(_CHECK, what, remedy)
    if facts.strangers:
        what = f"{facts.name}: this machine is alone; others that run Corral are there ({facts.strangers}), in other clusters"
        return ok(_CHECK, f"{what}; to join one: `corral cluster join`")
    return ok(
        _CHECK, f"{facts.name}: this machine is alone, and no other one that runs Corral was heard so far"
    )


def _wrong(facts: ClusterFacts) -> Iterator[Finding]:
    for conflict in facts.conflicts:
        remedy = (
            "Stop the copy, remove the folder `identity` and the file `cluster.json` from its data folder, and start it: "
            "then it is a machine of its own."
        )
        yield problem("identity", conflict, remedy)
    for name, skew_s in facts.skews_s:
        if abs(skew_s) > _SKEW_S:
            what = f"the clock of {name} is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
            yield warning("clocks", what, "Let the network set the clocks of both (NTP).")
    for name, version in facts.outdated:
        what = f"{name} runs version {version}, this machine {facts.own_version}: too far apart to serve together"
        yield problem("versions", what, "Update the older one.")
    for address in facts.name_strangers:
        what = f"{address} answers to the cluster's name too ({facts.name_url}), and is no machine of the cluster"
        remedy = "Find out what it is; or give the cluster another name: `corral cluster rename NAME`."
        yield warning("name", what, remedy)
    for each in facts.unreadable:
        what = f"a machine announces itself as Corral in a way that can't be read: {each}"
        yield warning("versions", what, "It may run another version: update it.")
    for each in facts.splits:
        yield warning(
            _CHECK, each, "`corral cluster nodes` shows who is heard; `corral cluster watch` what changes."
        )
