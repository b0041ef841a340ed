"""What a node has heard from each member, and how the others rank."""

from collections import deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from corral.peers.election.messages import Beat, ClaimRef
from corral.peers.election.rules import Standing
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId


@dataclass(slots=True)
class Heard:
    """The last beat of a member, when it came, and the claim of its own that was in it."""

    beat: Beat
    at: float
    late_s: float  # so much later than each tick its next one may come
    until: float  # it counts as live so long
    claim: ClaimRef | None


class PeerTable:
    """The last beat of each member that was heard since the start or the last sleep."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._heard: dict[NodeId, Heard] = {}
        self._versions: dict[
            NodeId, tuple[int, float]
        ] = {}  # of those too far away, and when they were heard
        self._strengths: deque[tuple[float, int]] = deque()

    def note(self, peer: NodeId, beat: Beat, now: float) -> Heard | None:
        """Take in a beat; what was heard before if it was of the same boot, else None."""
        late_s = min(max(beat.pace_ms / 1000 - self._timing.tick, 0.0), self._timing.strength)
        until = now + self._timing.lease + late_s
        own = next((each.claim.ref for each in beat.claims if each.claim.ref.router == peer), None)
        before = self._heard.get(peer)
        self._versions.pop(peer, None)
        self._heard[peer] = Heard(beat, now, late_s, until, own)
        return before

    def note_version(self, peer: NodeId, version: int, now: float) -> None:
        """Take note of a member whose protocol is too far away."""
        self._heard.pop(peer, None)
        self._versions[peer] = (version, now)

    def other_versions(self, now: float) -> dict[NodeId, int]:
        """The members of late whose protocol is too far away."""
        return {
            peer: version
            for peer, (version, at) in self._versions.items()
            if now - at < self._timing.strength
        }

    def last(self, peer: NodeId) -> Heard | None:
        """The last of a member."""
        return self._heard.get(peer)

    def is_stale(self, peer: NodeId, beat: Beat, now: float) -> bool:
        """Whether a later or the same beat of its sender came shortly before it."""
        heard = self._heard.get(peer)
        return (
            heard is not None
            and heard.beat.boot == beat.boot
            and beat.number <= heard.beat.number
            and now - heard.at < self._timing.lease
        )

    def live(self, now: float) -> list[NodeId]:
        """The members heard lately enough."""
        return [peer for peer, heard in self._heard.items() if now < heard.until]

    def hears(self, peer: NodeId, now: float) -> bool:
        """Whether a member itself was heard within a lease."""
        heard = self._heard.get(peer)
        return heard is not None and now - heard.at < self._timing.lease

    def wanting(self, now: float) -> list[NodeId]:
        """The live members that don't hear their router themselves."""
        return [peer for peer, heard in self._heard.items() if heard.beat.wants and now < heard.until]

    def better(self, mine: Standing, now: float) -> int:
        """How many live members should stand before me."""
        return sum(
            1
            for peer, heard in self._heard.items()
            if now < heard.until and heard.beat.eligible and standing(peer, heard.beat) > mine
        )

    def successors(self, router: NodeId, now: float) -> list[NodeId]:
        """The live members that follow a router and may take over from it, best first."""
        fit = [
            (standing(peer, heard.beat), peer)
            for peer, heard in self._heard.items()
            if now < heard.until and heard.beat.eligible and _follows(heard, router)
        ]
        return [peer for _, peer in sorted(fit, reverse=True)]

    def strength(self, me: NodeId, now: float) -> int:
        """How many follow me, at the weakest moment of the window; counts this moment too."""
        count = sum(
            1
            for heard in self._heard.values()
            if now - heard.at < self._timing.followed + heard.late_s and _follows(heard, me)
        )
        self._strengths.append((now, count))
        while now - self._strengths[0][0] >= self._timing.strength:
            self._strengths.popleft()
        return min(count for _, count in self._strengths)

    def begin_reign(self) -> None:
        """Forget the strength of an earlier reign."""
        self._strengths.clear()

    def silence(self, peer: NodeId) -> None:
        """Count a member as not live until it is heard again."""
        heard = self._heard.get(peer)
        if heard is not None:
            heard.until = heard.at

    def clear(self) -> None:
        """Forget everybody, as after sleep."""
        self._heard.clear()
        self._versions.clear()
        self._strengths.clear()

    def forget(self, peers: AbstractSet[NodeId]) -> None:
        """Forget those that are no members any more."""
        for peer in peers:
            self._heard.pop(peer, None)
            self._versions.pop(peer, None)


def standing(peer: NodeId, beat: Beat) -> Standing:
    """How a member ranks among candidates."""
    return (beat.pinned, beat.prio, peer)


def _follows(heard: Heard, router: NodeId) -> bool:
    return heard.beat.follows is not None and heard.beat.follows.router == router
