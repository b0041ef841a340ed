"""A process with all below it, the processor time that they took, and that of everything else."""

import contextlib
import os
import time
from collections.abc import Iterator

import psutil


def members(process_id: int) -> Iterator[psutil.Process]:
    """The process and its living descendants. Raises psutil.NoSuchProcess."""
    top = psutil.Process(process_id)
    yield top
    yield from top.children(recursive=True)


def processor_s(process_id: int) -> float:
    """Seconds of processor time so far, with that of children that have ended. Other programs hardly change it."""
    total = 0.0
    for process in members(process_id):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


class Bystanders:
    """How much of the processors other programs take from now on, virtual machines on the same host included."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy_s = _busy_s()
        self._ours_s = processor_s(os.getpid())

    def note(self) -> str:
        """A sentence."""
        elapsed_s = (time.monotonic() - self._began) * (psutil.cpu_count() or 1)
        theirs_s = (_busy_s() - self._busy_s) - (processor_s(os.getpid()) - self._ours_s)
        share = max(0.0, theirs_s / elapsed_s) * 100
        return f"Other programs used {share:.0f} % of the processors meanwhile."


def _busy_s() -> float:
    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
