"""How long things take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All times of the election in seconds. Every member of a cluster must have the same."""

    tick: float = 0.5  # between the beats of a node
    lease: float = 2.0  # a claim is followed so long after its last seq
    trust: float = 1.5  # whoever heard its router so lately denies others
    rank: float = 0.3  # for each better placed peer: so long later does a node stand
    most_ranks: int = 8
    ballot: float = 0.4  # in which a candidate may be denied
    hold: float = 1.5  # consent given binds so long
    backoff: tuple[float, float] = (0.3, 0.9)  # after a denial
    join: float = 3.0  # of listening after start and wake
    lone: float = 0.7  # the same where no other member is known
    relay_gap: float = 0.1  # between beats out of turn
    relay_rate: float = 1.0  # of them per second in the long run ...
    relay_burst: float = 5.0  # ... and at once
    refusals: float = 0.1  # between two refused connections that prove a process gone
    refusals_count: float = 2.0  # so long does a refused connection count
    grace: float = 0.1  # for the others to notice a refusal too
    strength: float = 10.0  # the window whose weakest moment is a router's strength
    followed: float = 3.0  # a follower counts so long after its last beat
    takeover: float = 0.3  # for an answer before it is asked of again, or of the next
    settled: float = 10.0  # without a change, before followers slow down
    calm_ticks: int = 2  # between the beats that tell the router, once settled
    compact_above: int = 8  # peers: from there a follower never tells everybody each tick
    rotating: int = 5  # other followers told each time
    slow_ticks: int = 4  # between the beats that tell other followers, once settled
