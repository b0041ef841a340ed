"""Memory of a process tree, from the operating system's own books."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.process_tree import members


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Sums over a process and all below it; None where the system doesn't tell."""

    peak_rss_bytes: int | None
    pss_bytes: int | None  # shared pages counted once


def of_tree(process_id: int) -> Memory:
    """The tree's memory now, and the highest that its processes had (each at its own time)."""
    peaks, shares = [], []
    for process in members(process_id):
        with contextlib.suppress(psutil.NoSuchProcess):
            peaks.append(_peak(process.pid))
            shares.append(getattr(process.memory_full_info(), "pss", None))
    return Memory(peak_rss_bytes=_sum(peaks), pss_bytes=_sum(shares))


def _peak(process_id: int) -> int | None:
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return None
    kibibytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return int(kibibytes) * 1024 if kibibytes is not None else None


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
