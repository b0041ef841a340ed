"""How busy this machine is: processor, memory, NVIDIA cards, in per cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from corral.engines.devices import Gpu, bus_id, read_memory
from corral.engines.nvidia import read_cards


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLoad:
    """One card; None: the driver doesn't say."""

    name: str
    used_percent: float | None
    memory_percent: float
    temperature_celsius: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineLoad:
    """Everything at one moment."""

    cpu_percent: float  # of all cores, since the last reading
    memory_percent: float
    gpus: tuple[GpuLoad, ...] = ()


def read_load(cards: Sequence[Gpu] = ()) -> MachineLoad:
    """Ask the system, and NVIDIA's driver for those of `cards` that it knows, in their order.

    Blocks for some milliseconds; the first reading of the processor is 0.
    """
    memory = read_memory()
    used = memory.total_bytes - memory.available_bytes
    return MachineLoad(
        cpu_percent=psutil.cpu_percent(),
        memory_percent=100 * used / memory.total_bytes if memory.total_bytes else 0.0,
        gpus=_card_loads(cards),
    )


def _card_loads(cards: Sequence[Gpu]) -> tuple[GpuLoad, ...]:
    if not cards:
        return ()
    loads = dict(read_cards(lambda nvml, _, handle: (bus_id(nvml, handle), _gpu(nvml, handle))))
    return tuple(loads[card.bus_id] for card in cards if card.bus_id in loads)


def _gpu(nvml: Any, handle: Any) -> GpuLoad:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        used: float | None = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError:
        used = None
    try:
        temperature: float | None = float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    except nvml.NVMLError:
        temperature = None
    return GpuLoad(
        name=str(nvml.nvmlDeviceGetName(handle)),
        used_percent=used,
        memory_percent=100 * memory.used / memory.total if memory.total else 0.0,
        temperature_celsius=temperature,
    )
