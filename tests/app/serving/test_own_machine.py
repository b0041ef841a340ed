"""This machine as choosing sees it."""

import asyncio

import pytest

from corral.app.gateway.standing import Machine
from corral.app.serving.own_machine import OwnMachine
from corral.app.telemetry import Sample
from corral.engines.devices import read_devices
from corral.engines.load import GpuLoad, MachineLoad
from tests.engines.waiting import until


class Sampled:
    """Telemetry with one reading, or none."""

    def __init__(self, sample: Sample | None) -> None:
        self.latest = sample


def card(used: float | None, memory: float) -> GpuLoad:
    return GpuLoad(name="card", used_percent=used, memory_percent=memory, temperature_celsius=None)


def sample(*gpus: GpuLoad) -> Sample:
    load = MachineLoad(cpu_percent=12.0, memory_percent=34.0, gpus=gpus)
    return Sample(at=5.0, load=load, active=0, queued=0, tokens_per_s=0.0)


@pytest.mark.parametrize(
    ("read", "machine"),
    [
        (None, Machine(local=True)),
        (sample(), Machine(local=True, cpu_percent=12.0, memory_percent=34.0, read_at=5.0)),
        (
            sample(card(50.0, 80.0), card(None, 40.0)),
            Machine(
                local=True,
                cpu_percent=12.0,
                memory_percent=34.0,
                gpu_percent=25.0,
                gpu_memory_percent=60.0,
                read_at=5.0,
            ),
        ),
    ],
)
def test_its_load(read: Sample | None, machine: Machine) -> None:
    assert OwnMachine(Sampled(read), read=read_devices).machine() == machine


async def test_its_hardware() -> None:
    own = OwnMachine(Sampled(None), read=read_devices)
    assert (own.devices(), own.battery()) == (None, None)
    await own.look()
    devices = own.devices()
    assert devices is not None and devices.cores > 0
    await own.look()
    assert own.devices() is devices


async def test_it_looks_at_once() -> None:
    machine = OwnMachine(Sampled(None), read=read_devices)
    running = asyncio.create_task(machine.run())
    await until(lambda: machine.devices() is not None, "the first look")
    running.cancel()
    await asyncio.wait([running])
