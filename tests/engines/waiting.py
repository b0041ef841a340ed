"""Waiting for a condition under a deadline, instead of sleeping."""

import asyncio
from collections.abc import Callable

import psutil

DEADLINE_S = 20.0
_POLL_S = 0.005


async def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as `condition` holds; fail the test if it never does."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not condition():
        assert loop.time() < end, f"waited {deadline_s} s in vain: {what}"
        await asyncio.sleep(_POLL_S)


async def until_gone(pid: int) -> None:
    """Return as soon as no process has this id (or only its unread exit status is left)."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE_S
    while await asyncio.to_thread(_runs, pid):
        assert loop.time() < end, f"process {pid} is still there after {DEADLINE_S} s"
        await asyncio.sleep(_POLL_S)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
