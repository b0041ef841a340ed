"""Whether a model whose worker crashed may start again, and when. Pure."""

from collections.abc import Sequence

from corral.engines.limits import PoolLimits


def recent(crashes: Sequence[float], *, now: float, limits: PoolLimits) -> tuple[float, ...]:
    """The crashes that still count."""
    return tuple(at for at in crashes if now - at < limits.crash_window_s)


def given_up(crashes: Sequence[float], *, now: float, limits: PoolLimits) -> bool:
    """Too many crashes in too short a time."""
    return len(recent(crashes, now=now, limits=limits)) >= limits.crash_limit


def delay_s(crashes: Sequence[float], *, now: float, limits: PoolLimits) -> float:
    """How long to wait before the next start: nothing after the first crash, then longer each time."""
    counted = recent(crashes, now=now, limits=limits)
    if len(counted) < 2:
        return 0.0
    pause = limits.restart_backoff_s * 2.0 ** (len(counted) - 2)
    return max(0.0, counted[-1] + pause - now)
