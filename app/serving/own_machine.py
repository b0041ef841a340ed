"""This machine as choosing sees it, and what it tells peers of its hardware."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from corral.app.gateway.standing import Machine
from corral.app.telemetry import Sample
from corral.engines.battery import Battery, read_battery
from corral.engines.devices import Devices

LOOK_S = 30.0  # between two looks


class Telemetry(Protocol):
    """What this needs of `telemetry.Telemetry`."""

    @property
    def latest(self) -> Sample | None: ...


class OwnMachine:
    """Keep `run` running; the rest answers from memory."""

    def __init__(self, telemetry: Telemetry, *, read: Callable[[], Devices]) -> None:
        """`read` is called in a thread."""
        self._telemetry = telemetry
        self._read = read
        self._devices: Devices | None = None
        self._battery: Battery | None = None

    async def run(self) -> None:
        """Look now and again every LOOK_S, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read what changes slowly: the hardware once, the battery each time."""
        if self._devices is None:
            self._devices = await asyncio.to_thread(self._read)
        self._battery = await asyncio.to_thread(read_battery)

    def devices(self) -> Devices | None:
        """None before the first look."""
        return self._devices

    def battery(self) -> Battery | None:
        """None if there is none."""
        return self._battery

    def machine(self) -> Machine:
        """Online always: whether it drains its pool knows."""
        sample, battery = self._telemetry.latest, self._battery
        on_battery = battery is not None and battery.in_use
        if sample is None:
            return Machine(local=True, on_battery=on_battery)
        gpus = sample.load.gpus
        return Machine(
            local=True,
            cpu_percent=sample.load.cpu_percent,
            memory_percent=sample.load.memory_percent,
            gpu_percent=sum(gpu.used_percent or 0.0 for gpu in gpus) / len(gpus) if gpus else 0.0,
            gpu_memory_percent=sum(gpu.memory_percent for gpu in gpus) / len(gpus) if gpus else 0.0,
            read_at=sample.at,
            on_battery=on_battery,
        )
