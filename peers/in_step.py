"""Pauses that end together: a machine that idles wakes once for everything that looks now and again."""

import asyncio
from typing import Final

_IMMINENT: Final = 0.1  # of an interval: timers may fire a little early, and nothing looks twice for that


def until_step(interval_s: float, now: float) -> float:
    """Seconds from `now` to the next multiple of the interval. `now` is of any clock in seconds, the same for all."""
    left_s = interval_s - now % interval_s
    return left_s if left_s > interval_s * _IMMINENT else left_s + interval_s


def next_step_s(interval_s: float) -> float:
    """The same from now on, by the clock of the running loop; on average it is the interval."""
    return until_step(interval_s, asyncio.get_running_loop().time())
