"""What this machine has to run models with: processor cores, memory, graphics cards.

Limits of the control group (containers, systemd) count as the machine's own.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from corral.engines.nvidia import read_cards

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Main memory that this process may use."""

    total_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One graphics card."""

    index: int
    name: str
    total_bytes: int
    free_bytes: int
    driver: str = ""
    bus_id: str = ""  # on PCI, "0000:c1:00.0"
    shares_main_memory: bool = False  # Apple silicon, integrated graphics


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Everything at one moment."""

    cores: int  # physical ones that this process may use
    memory: Memory
    gpus: tuple[Gpu, ...] = ()  # those that models can be kept on; either all share main memory, or none

    @property
    def gpu_free_bytes(self) -> int:
        """Beside main memory."""
        return sum(gpu.free_bytes for gpu in self.gpus if not gpu.shares_main_memory)

    @property
    def gpu_total_bytes(self) -> int:
        """Beside main memory."""
        return sum(gpu.total_bytes for gpu in self.gpus if not gpu.shares_main_memory)


def read_devices(gpus: Callable[[], tuple[Gpu, ...]] = tuple) -> Devices:
    """Ask the system, and `gpus` for the cards that llama.cpp can use. Blocks."""
    return Devices(cores=physical_cores(), memory=read_memory(), gpus=gpus())


def physical_cores(*, own: Path = _OWN_CGROUP, cgroups: Path = _CGROUPS) -> int:
    """Physical cores, but no more than this process may run on. At least 1."""
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    for group in _groups(own, cgroups):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            cores = min(cores, math.ceil(int(quota) / int(period)))
    return max(1, cores)


def read_memory(*, own: Path = _OWN_CGROUP, cgroups: Path = _CGROUPS) -> Memory:
    """Total and available main memory."""
    machine = psutil.virtual_memory()
    total, available = int(machine.total), int(machine.available)
    for group in _groups(own, cgroups):
        for limit, used, cache in _memory_limits(group):
            total = min(total, limit)
            available = min(available, max(0, limit - max(0, used - cache)))
    return Memory(total_bytes=total, available_bytes=available)


def nvidia_cards() -> tuple[Gpu, ...]:
    """NVIDIA's cards, whether or not llama.cpp was built for them; none if there is no driver."""
    return read_cards(_gpu)


def _gpu(nvml: Any, index: int, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        index=index,
        name=str(nvml.nvmlDeviceGetName(handle)),
        total_bytes=int(memory.total),
        free_bytes=int(memory.free),
        driver=str(nvml.nvmlSystemGetDriverVersion()),
        bus_id=bus_id(nvml, handle),
    )


def bus_id(nvml: Any, handle: Any) -> str:
    """A card's place on the bus as everybody but NVML writes it: a domain of four digits, the function behind a dot."""
    info = nvml.nvmlDeviceGetPciInfo(handle)
    return f"{info.domain:04x}:{info.bus:02x}:{info.device:02x}.0"


def _groups(own: Path, cgroups: Path) -> Iterator[Path]:
    """Our control group's folder and those above it, under version 2 and version 1 with its memory folder."""
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = cgroups / "memory" if controllers else cgroups
        folder = top / path.lstrip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(top))


def _memory_limits(group: Path) -> Iterator[tuple[int, int, int]]:
    """(limit, used, droppable cache) in bytes, where this group has a limit."""
    names = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for limit_name, used_name in names:
        limit, used = _text(group / limit_name), _text(group / used_name)
        if limit.isdigit() and used.isdigit():
            cache = dict(
                line.split(" ", 1) for line in _text(group / "memory.stat").splitlines() if " " in line
            )
            yield int(limit), int(used), int(cache.get("inactive_file", 0))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
