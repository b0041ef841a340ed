"""What goes into heartbeats: the election's message, and of the rest only what the member hasn't been told on this link."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from corral.peers.cluster.link_messages import Beat
from corral.peers.ids import NodeId
from corral.peers.replication.messages import Summary
from corral.peers.replication.messages import encode as encode_summary

SUMMARY_EVERY_S = 10.0  # also an unchanged one: it carries the clock, and members compare their digests


@dataclass(slots=True)
class _Told:
    summary: Summary | None = None
    summary_at: float = 0.0
    load: bytes = field(default=b"")


class Outgoing:
    """What there is to say, and what each member was told of it."""

    def __init__(self, *, summary: Callable[[], Summary], clock: Callable[[], float]) -> None:
        """`clock` is in seconds and doesn't jump."""
        self.load = b""  # of this machine now
        self._summary = summary
        self._clock = clock
        self._told: dict[NodeId, _Told] = {}

    def begin(self, peer: NodeId) -> None:
        """A new link: it is told everything anew."""
        self._told[peer] = _Told()

    def keep_only(self, members: Collection[NodeId]) -> None:
        """Forget those that left the cluster."""
        self._told = {peer: each for peer, each in self._told.items() if peer in members}

    def beat(self, peer: NodeId, *, election: bytes) -> Beat:
        """The next heartbeat to a member; without `election` it has only the news."""
        told = self._told.setdefault(peer, _Told())
        summary, load, now = self._summary(), self.load, self._clock()
        news = _differs(told.summary, summary) or now - told.summary_at >= SUMMARY_EVERY_S
        beat = Beat(
            election=election,
            replica=encode_summary(summary) if news else b"",
            load=load if load != told.load else b"",
        )
        if news:
            told.summary, told.summary_at = summary, now
        told.load = load
        return beat


def _differs(told: Summary | None, summary: Summary) -> bool:
    return told is None or msgspec.structs.replace(told, wall_ms=summary.wall_ms) != summary
