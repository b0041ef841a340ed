"""Which machine copies the router's history. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from corral.peers.ids import NodeId

PATIENCE_S = 15.0  # a standby that is away for less stays the standby: a restart shouldn't spread copies


@dataclass(frozen=True, slots=True)
class Standby:
    """The chosen one, and since when it is away (on a clock that doesn't jump)."""

    node: NodeId | None = None
    away_since: float | None = None


def next_standby(now_is: Standby, fit: Sequence[NodeId], now: float) -> Standby:
    """Whom the router chooses of those that are there and may hold copies, best first: the one it has, if that one stays."""
    if now_is.node in fit:
        return Standby(now_is.node)
    if now_is.node is not None:
        away_since = now if now_is.away_since is None else now_is.away_since
        if now - away_since < PATIENCE_S:
            return Standby(now_is.node, away_since)
    return Standby(fit[0] if fit else None)
