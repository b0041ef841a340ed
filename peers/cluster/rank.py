"""Which of two clusters takes the other's machine in. Pure."""

from dataclasses import dataclass

from corral.peers.ids import ClusterId


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What counts of a cluster."""

    id: ClusterId
    members: int
    used: bool  # somebody made users, keys or other things in it
    founded_at: float  # Unix time, seconds, by the clock of the machine that founded it


def may_ask(own: Standing) -> bool:
    """Whether a machine asks by itself to join another cluster: only one that is alone and has nothing to lose."""
    return own.members <= 1 and not own.used


def takes_in(theirs: Standing, own: Standing) -> bool:
    """Whether theirs takes ours in. Of two clusters exactly one takes the other in, whoever decides."""
    return _rank(theirs) < _rank(own)


def _rank(cluster: Standing) -> tuple[bool, bool, float, str]:
    """The least wins: a cluster of several machines, then a used one, then the older one."""
    return (cluster.members <= 1, not cluster.used, cluster.founded_at, cluster.id)
