"""What this machine knows of its cluster, to be shown."""

from dataclasses import dataclass

from corral.peers.ids import ClusterId, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """One machine of the cluster."""

    node: NodeId
    name: str
    this: bool  # the one that says so
    role: str  # router, follower, unknown
    online: bool
    last_heard_s: float | None  # seconds ago; None: not since this machine started
    program: str | None  # its version; None: not heard yet
    addresses: tuple[str, ...]  # of its peer port, the best first
    http_port: int | None
    clock_skew_s: float | None  # its clock is so far ahead of this machine's
    approved_at: float  # Unix time, seconds
    needs_update: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionView:
    """A router that this machine began to follow, or to be."""

    at: float  # Unix time, seconds
    term: int
    router: NodeId | None  # None: it was lost
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """All of it."""

    id: ClusterId
    name: str
    node: NodeId
    router: NodeId | None
    state: str  # of the election core here
    term: int
    members: tuple[MemberView, ...]
    elections: tuple[ElectionView, ...]  # the latest last
