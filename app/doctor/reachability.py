"""Whether the machines of the cluster reach each other over the peer port, and what keeps them apart if not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.commands.screen import duration
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.peers.discovery.announcement import instance_name

_CHECK = "machines"
_SEVERAL = 2
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """Another machine of the cluster, as the running node sees it."""

    name: str
    online: bool  # it is heard over the peer port
    announced: bool = False  # it answered by multicast DNS just now
    link: str | None = "reached"  # how the last try to reach its peer port ended; None: it was not tried
    trouble: str = ""  # why it failed, with the addresses
    silent_s: float | None = None  # since it was heard over the peer port
    needs_update: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachabilityFacts:
    """All of them, and the peer port of this machine."""

    members: tuple[MemberFacts, ...]
    peer_port: int


def gather_members(local: Mapping[str, Any], *, heard: Collection[str], peer_port: int) -> ReachabilityFacts:
    """Out of what the node says of itself; `heard` are the instances that answered by multicast DNS."""
    return ReachabilityFacts(
        members=tuple(
            MemberFacts(
                name=each["name"],
                online=each["online"],
                announced=instance_name(each["id"]).lower() in heard,
                link=each["link"],
                trouble=each["trouble"] or "",
                silent_s=each["last_heard_s"],
                needs_update=each["needs_update"],
            )
            for each in local["nodes"]
            if not each["this"]
        ),
        peer_port=peer_port,
    )


def judge_members(facts: ReachabilityFacts) -> list[Finding]:
    """A finding for each machine that something is wrong with, or one for all."""
    members = facts.members
    if not members:
        return []
    for judge in (_judge_trust, _judge_own_firewall, _judge_isolation):
        found = judge(facts)
        if found is not None:
            return [found]
    wrong = [finding for each in members if (finding := _judge(each, facts.peer_port)) is not None]
    if wrong:
        return wrong
    return [
        ok(_CHECK, f"{_listed(members)} {'answers' if len(members) == 1 else 'answer'} over the peer port")
    ]


def _judge_trust(facts: ReachabilityFacts) -> Finding | None:
    tried = [each for each in facts.members if each.link in ("not_trusted", "reached")]
    if not tried or any(each.link == "reached" for each in tried):
        return None
    what = (
        f"{_listed(tried)} {'does' if len(tried) == 1 else 'do'} not trust this machine ({tried[0].trouble}): it was "
        "removed from the cluster, or its data folder is an old copy"
    )
    remedy = "Let it leave, `corral cluster leave`, and join again: `corral cluster join`."
    return problem(_CHECK, what, remedy)


def _judge_own_firewall(facts: ReachabilityFacts) -> Finding | None:
    """Who is reached from here and never heard can't get in here."""
    mute = [
        each for each in facts.members if each.link == "reached" and not each.online and not each.needs_update
    ]
    if not mute:
        return None
    what = (
        f"{_listed(mute)} can be reached from here, but nothing from there arrives: a firewall of this machine keeps "
        f"TCP port {facts.peer_port} closed"
    )
    return problem(_CHECK, what, _allow(facts.peer_port, "here"))


def _judge_isolation(facts: ReachabilityFacts) -> Finding | None:
    """All of several machines at once are neither reached nor heard."""
    cut = [each for each in facts.members if each.link == "unreachable" and not _is_heard(each)]
    if len(cut) < _SEVERAL or len(cut) < len(facts.members):
        return None
    what = (
        f"none of the {len(cut)} other machines can be reached or heard ({cut[0].trouble}): this machine is cut off, "
        "or all of them are off"
    )
    remedy = (
        "See to cable or Wi-Fi. A guest network, or an access point with client isolation (AP isolation), keeps machines "
        "apart: use another network, or switch that off. If they have other addresses now: `corral peers add HOST`."
    )
    return problem(_CHECK, what, remedy)


def _judge(member: MemberFacts, peer_port: int) -> Finding | None:
    name = member.name
    if member.link == "unreachable" and _is_heard(member):
        how = "heard" if member.online else "heard by multicast"
        what = f"{name} is {how}, but a firewall there keeps its peer port closed: {member.trouble}"
        return problem(_CHECK, what, _allow(peer_port, f"on {name}"))
    if member.link == "unreachable":
        since = "" if member.silent_s is None else f", silent for {duration(member.silent_s)}"
        what = f"{name} is off, or cut off{since}: {member.trouble}"
        return warning(_CHECK, what, f"If it runs, see what `corral doctor` says on {name}.")
    if member.link == "refused":
        what = f"the machine {name} is there, but Corral doesn't answer on it: {member.trouble}"
        return warning(_CHECK, what, f"Start Corral on {name}.")
    if member.link == "not_trusted":
        what = (
            f"at the addresses of {name} is another machine, or it doesn't trust this one: {member.trouble}"
        )
        return warning(_CHECK, what, f"If {name} has another address: `corral peers add HOST`.")
    if member.link is None and not _is_heard(member):
        remedy = f"If it runs, see what `corral doctor` says on {name}, or say where it is: `corral peers add HOST`."
        return warning(_CHECK, f"{name} is off, or cut off: no address of it is known", remedy)
    if member.link == "broken" and not member.online:
        return warning(_CHECK, f"{name} doesn't answer: {member.trouble}", f"See `corral logs` on {name}.")
    return None


def _is_heard(member: MemberFacts) -> bool:
    return member.announced or member.online


def _allow(port: int, where: str) -> str:
    return (
        f"Let TCP port {port} in {where}, from the local network (`sudo ufw allow {port}/tcp`, "
        f"`sudo firewall-cmd --add-port={port}/tcp`; on Windows and macOS allow Corral in the firewall's settings)."
    )


def _listed(members: Iterable[MemberFacts]) -> str:
    names: Sequence[str] = [each.name for each in members]
    return ", ".join(names[:_MOST_SHOWN]) + (" …" if len(names) > _MOST_SHOWN else "")
