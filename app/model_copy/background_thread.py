"""One thread for work that nobody waits for: it gets the processor when nobody else wants it."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Self, TypeVar

_LEAST_PRIORITY = 19

P = ParamSpec("P")
R = TypeVar("R")


class BackgroundThread:
    """A context manager. Jobs should be short: the end waits for the one that runs."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(
            1, thread_name_prefix="ThreadPoolExecutor-background", initializer=lower_priority
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    async def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Where threads have no priority of their own, a rest as long as the job follows it."""

        def timed() -> tuple[R, float]:
            began = time.monotonic()
            return job(*args, **kwargs), time.monotonic() - began

        result, took_s = await asyncio.get_running_loop().run_in_executor(self._threads, timed)
        if sys.platform != "linux":
            await asyncio.sleep(took_s)
        return result


def lower_priority() -> None:
    """Of the thread that calls it; only Linux can."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
