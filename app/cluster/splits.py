"""Whether the cluster fell into parts, or parts of it met again, as one machine can tell. Pure; times are Unix time in seconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corral.peers.election.chronicle import MERGERS, SILENT

TOGETHER_S = 5.0  # machines that fell silent within so long did so for one reason
MERGED_S = 3_600.0  # a meeting is worth a word for so long
SPLIT_S = 86_400.0
_MINUTE_S = 60.0
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who reigned from then on, as the election's chronicle says; `router` is a name, None for nobody."""

    at: float
    reason: str
    router: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A member that isn't heard any more, since when, and whether its machine still answers that its program ended."""

    name: str
    since: float
    ended: bool = False


def split_warnings(changes: Sequence[Change], silent: Iterable[Silence], *, now: float) -> list[str]:
    """What people should know: that the cluster seems to be split, that parts of it met. `changes` are oldest first."""
    found = (_split(changes, silent, now), _merged(changes, now))
    return [each for each in found if each is not None]


def _split(changes: Sequence[Change], silent: Iterable[Silence], now: float) -> str | None:
    recent = sorted(
        (each for each in silent if not each.ended and now - each.since <= SPLIT_S),
        key=lambda each: each.since,
    )
    group = _largest_group(recent)
    lost = _lost_router(changes)
    if len(group) > 1:
        names = _listed([each.name for each in group])
        return (
            f"{_ago(now - group[-1].since)} {names} fell silent together: this cluster seems to be split. Where "
            "they still run they go on as a part of their own; the parts become one again when they meet"
        )
    if any(each.name == lost for each in recent):
        since = next(each.since for each in recent if each.name == lost)
        return (
            f"{_ago(now - since)} the router {lost} fell silent: it is off, or this cluster is split and {lost} goes on "
            "by itself; then both parts become one again when they meet"
        )
    return None


def _largest_group(silent: Sequence[Silence]) -> Sequence[Silence]:
    """Of those that fell silent together the most; the latest of equals. `silent` is in the order of time."""
    best: Sequence[Silence] = ()
    for first in range(len(silent)):
        group = [each for each in silent[first:] if each.since - silent[first].since <= TOGETHER_S]
        best = group if len(group) >= len(best) else best
    return best


def _lost_router(changes: Sequence[Change]) -> str | None:
    """The last router that was lost because nothing was heard of it."""
    for before, after in zip(reversed(changes[:-1]), reversed(changes[1:]), strict=True):
        if after.reason == SILENT and before.router is not None:
            return before.router
    return None


def _merged(changes: Sequence[Change], now: float) -> str | None:
    meetings = [each for each in changes if each.reason in MERGERS and now - each.at <= MERGED_S]
    if not meetings:
        return None
    last = meetings[-1]
    return (
        f"{_ago(now - last.at)} two parts of this cluster met and became one again, with the router {last.router}; "
        "of what was changed in both parts the later change counts"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _ago(seconds: float) -> str:
    minutes = int(seconds // _MINUTE_S)
    if minutes < 1:
        return "Less than a minute ago"
    if minutes < 60:
        return "A minute ago" if minutes == 1 else f"{minutes} minutes ago"
    hours = minutes // 60
    return "An hour ago" if hours == 1 else f"{hours} hours ago"
