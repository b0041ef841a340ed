"""What discovery is doing, for `corral doctor` and the dashboard."""

from dataclasses import dataclass

from corral.peers.discovery.interfaces import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryStatus:
    """The state of discovery now; times are Unix times."""

    interfaces: Choice  # used ones and skipped ones with reasons
    sockets: int  # that can send multicast
    problem: str | None  # why others can't be found, and what to do
    heard_at: float | None  # when another machine was last heard by multicast
    conflicts: tuple[str, ...]  # machines that pretend to be this one
    unreadable: tuple[str, ...]  # announcements that can't be read, the latest few
