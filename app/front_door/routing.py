"""Who answers for the cluster, as this node sees it now."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True)
class Here:
    """This node: it is the router, or alone."""


@dataclass(frozen=True, slots=True)
class There:
    """Another member. `claim` says in which election it won."""

    node: NodeId
    claim: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """The members are still finding out."""


HERE: Final = Here()
NOBODY: Final = Nobody()

Routing = Here | There | Nobody
Changed = Callable[[float], Awaitable[None]]  # returns at the next change, or after so many seconds
