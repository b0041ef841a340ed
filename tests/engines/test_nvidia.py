"""NVIDIA's driver, in the place of its package a small one."""

import sys
from types import SimpleNamespace

import pytest

from corral.engines import nvidia
from corral.engines.devices import Gpu, nvidia_cards
from corral.engines.load import GpuLoad, read_load


class NVMLError(Exception):
    """pynvml's."""


class Driver:
    """What we use of pynvml, for two cards; `broken` as after the driver was replaced."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        self.broken = False
        self.calls: list[str] = []

    def nvmlInit(self) -> None:
        self.calls.append("init")

    def nvmlShutdown(self) -> None:
        self.calls.append("shutdown")
        raise NVMLError

    def nvmlDeviceGetCount(self) -> int:
        if self.broken:
            raise NVMLError
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"card {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(total=100, free=60 + handle, used=40 - handle)

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.1"

    def nvmlDeviceGetPciInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(domain=0, bus=0xC1 + handle, device=2)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        if handle == 1:
            raise NVMLError
        return SimpleNamespace(gpu=75)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        if handle == 1:
            raise NVMLError
        return 60


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr(nvidia, "_may_have_driver", lambda: True)
    monkeypatch.setattr(nvidia, "_running", [])
    return driver


def test_cards(driver: Driver) -> None:
    expected = [("card 0", 60, "0000:c1:02.0"), ("card 1", 61, "0000:c2:02.0")]
    for _ in range(2):
        assert [(card.name, card.free_bytes, card.bus_id) for card in nvidia_cards()] == expected
    assert driver.calls == ["init"]  # it stays started


def test_a_driver_that_fails_is_started_anew(driver: Driver) -> None:
    assert len(nvidia_cards()) == 2
    driver.broken = True
    assert nvidia_cards() == ()
    driver.broken = False
    assert len(nvidia_cards()) == 2
    assert driver.calls == ["init", "shutdown", "init"]


def test_the_load_of_the_cards_that_are_used_in_their_order(driver: Driver) -> None:
    cards = {card.bus_id: card for card in nvidia_cards()}
    other = Gpu(index=0, name="other", total_bytes=9, free_bytes=9, bus_id="0000:01:00.0")
    wanted = [cards["0000:c2:02.0"], other, cards["0000:c1:02.0"]]
    silent = GpuLoad(name="card 1", used_percent=None, memory_percent=39.0, temperature_celsius=None)
    busy = GpuLoad(name="card 0", used_percent=75.0, memory_percent=40.0, temperature_celsius=60.0)
    assert read_load(wanted).gpus == (silent, busy)
    assert read_load().gpus == ()
