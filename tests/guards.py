"""What a test must not leave behind: threads, child processes, sockets, asyncio tasks."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

import psutil
import pytest
from blockbuster import BlockBuster

import corral.app
import corral.engines
import corral.peers

SETTLE_S = 5.0  # what ends by itself may take this long on a busy machine
_POLL_S = 0.01

# Made once by the interpreter or a loop on first use, and theirs to end.
_POOL_THREADS = ("asyncio_", "uvloop_", "ThreadPoolExecutor-", "AnyIO worker")
_INTERPRETER_PROCESS = "multiprocessing.resource_tracker"


def threads() -> set[object]:
    """The threads alive now."""
    return set(threading.enumerate())


def threads_without_pools() -> set[object]:
    """The threads alive now, save those of executors that may belong to a wider fixture."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith(_POOL_THREADS)}


def child_processes() -> set[object]:
    """The child processes now, also those nobody has waited for; what they started is theirs."""
    children: set[object] = set()
    for child in psutil.Process().children():
        try:
            command = " ".join(child.cmdline())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            command = ""
        if _INTERPRETER_PROCESS not in command:
            children.add(child)
    return children


def sockets() -> set[object]:
    """The TCP and UDP sockets this process has open."""
    return {(each.fd, each.laddr, each.raddr) for each in psutil.Process().net_connections("inet")}


class Guard:
    """Remembers what is there when it is made; `check` fails the test if there is more by then."""

    def __init__(self, look: Mapping[str, Callable[[], set[object]]], *, settle_s: float = SETTLE_S) -> None:
        self._look = look
        self._settle_s = settle_s
        self._before = {what: see() for what, see in look.items()}

    def check(self) -> None:
        """Fail, naming what is left over, unless it goes away by itself soon."""
        deadline = time.monotonic() + self._settle_s
        for what, see in self._look.items():
            while left := see() - self._before[what]:
                if time.monotonic() > deadline:
                    pytest.fail(f"{what} left over: {sorted(map(str, left))}", pytrace=False)
                time.sleep(_POLL_S)


async def check_tasks(before: set[asyncio.Task[object]], *, settle_s: float = SETTLE_S) -> None:
    """Fail if the running loop has tasks that were not there before and don't end by themselves soon."""
    here = asyncio.current_task()
    left = {task for task in asyncio.all_tasks() if task is not here} - before
    if left:
        _, left = await asyncio.wait(left, timeout=settle_s)
    if left:
        pytest.fail(f"tasks left over: {sorted(map(str, left))}", pytrace=False)


def blocking_call_detector() -> BlockBuster:
    """Makes calls that block (sleep, SQLite, sockets, files) raise where our code makes them inside a loop.

    File metadata (`os.stat` and the like) and locks are let through: the one is quick, the other can't be told
    apart from a lock that is held for a microsecond.
    """
    detector = BlockBuster([corral.app, corral.engines, corral.peers])
    for name in list(detector.functions):
        if name.startswith(("os.", "threading.")):
            del detector.functions[name]
    for name in ("io.TextIOWrapper.write", "io.BufferedWriter.write"):
        detector.functions[name].can_block_in("logging/__init__.py", {"emit", "flush"})
    return detector
