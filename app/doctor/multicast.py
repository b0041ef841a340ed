"""Whether machines can find each other by multicast DNS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.commands.screen import duration
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.doctor.network import NetworkFacts
from corral.app.paths import DataDir
from corral.app.times import unix_time
from corral.peers.discovery.announcement import instance_name
from corral.peers.discovery.multicast_probe import MulticastProbe, probe_multicast
from corral.peers.identity.errors import IdentityError
from corral.peers.identity.identity import load_identity

SILENT_S = 120.0  # every machine is asked for, and answers, within half a minute
_ALLOW = (
    "Let UDP port 5353 in and out (`sudo ufw allow 5353/udp`, `sudo firewall-cmd --add-service=mdns`). "
    "Until then name the other machines: `corral peers add HOST`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastFacts:
    """What a probe found out, and what the running node heard. Names are those of members other than this machine."""

    probe: MulticastProbe
    node_problem: str | None = None  # as the node says
    silent_s: float | None = (
        None  # so long the node has heard nobody by multicast; None: it never did, or there is no node
    )
    reached: tuple[str, ...] = ()  # answer over TCP


def gather_multicast(
    network: NetworkFacts, folder: DataDir, local: Mapping[str, Any] | None, *, now: float
) -> MulticastFacts | None:
    """Ask on the network, and look at what the node says. Takes two seconds; None where discovery is off."""
    if network.off is not None or not network.choice.used:
        return None
    probe = probe_multicast(network.choice.used, own_instance=_own_instance(folder))
    discovery = {} if local is None else local["discovery"]
    heard_at = discovery.get("heard_at")
    nodes = [] if local is None else local["nodes"]
    return MulticastFacts(
        probe=probe,
        node_problem=discovery.get("problem"),
        silent_s=None if heard_at is None else now - unix_time(heard_at),
        reached=tuple(each["name"] for each in nodes if each["online"] and not each["this"]),
    )


def judge_multicast(facts: MulticastFacts | None) -> list[Finding]:
    """One finding, or none where discovery is off."""
    if facts is None:
        return []
    probe = facts.probe
    if probe.works:
        return [_judge_heard(facts)]
    if probe.swallowed:
        where = ", ".join(probe.swallowed)
        what = (
            f"multicast is blocked on this machine: a question that was sent on {where} to UDP port 5353 did not "
            "come back to it, as it must; other machines are not found"
        )
        return [problem("multicast", what, _ALLOW)]
    reasons = "; ".join(f"{name}: {why}" for name, why in probe.failed)
    what = f"multicast is impossible ({reasons}); other machines are not found"
    remedy = _ALLOW
    if "5353 for itself" in reasons:
        remedy = "End that program, or let it share the port. Until then name the machines: `corral peers add HOST`."
    return [problem("multicast", what, remedy)]


def _judge_heard(facts: MulticastFacts) -> Finding:
    where = ", ".join(facts.probe.works)
    if facts.node_problem is not None:
        return warning("multicast", f"works on {where}, but the node says: {facts.node_problem}", _ALLOW)
    silent = facts.silent_s is None or facts.silent_s > SILENT_S
    if facts.reached and silent and not facts.probe.heard:
        since = "" if facts.silent_s is None else f" for {duration(facts.silent_s)}"
        what = (
            f"{_listed(facts.reached)} can be reached, but not heard by multicast{since}: the network between the "
            "machines doesn't carry it"
        )
        remedy = (
            "The cluster goes on with known addresses. For new machines switch off the isolation of clients "
            "(AP isolation, guest network) at the access point, or IGMP snooping at the switch; or `corral peers add HOST`."
        )
        return warning("multicast", what, remedy)
    heard = len(facts.probe.heard)
    return ok(
        "multicast",
        f"works on {where}; {heard or 'no'} other {'machine' if heard == 1 else 'machines'} answered",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _own_instance(folder: DataDir) -> str | None:
    if not folder.identity.is_dir():
        return None
    try:
        return instance_name(load_identity(folder.identity).node)
    except (IdentityError, OSError):
        return None  # another check tells
