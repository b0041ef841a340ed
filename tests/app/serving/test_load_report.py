"""What nodes say of themselves: made from a pool, small, bounded, heard as it was meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.fingerprints import Fingerprints
from corral.app.gateway.pace import Crowd, Pace, Stopwatch
from corral.app.serving import load_report as report
from corral.app.serving.heard_models import HeardModels
from corral.app.serving.reporter import NEW_S, Reporter
from corral.app.telemetry import Sample
from corral.engines.battery import Battery
from corral.engines.catalog import make_catalog
from corral.engines.devices import Devices, Gpu, Memory
from corral.engines.events import Done, Finished, Started, TextDelta
from corral.engines.load import GpuLoad, MachineLoad
from corral.engines.model import (
    Capability,
    Lifecycle,
    LiveNumbers,
    LoadedInfo,
    ModelFile,
    ModelName,
    ModelStatus,
)
from tests.app.serving.golden_values import LIVE, STATIC, golden
from tests.engines.pools import FakeClock

OWN = EndpointId("local:here")
INFO = LoadedInfo(
    capabilities=frozenset({Capability.CHAT}),
    context_length=512,
    cache_tokens=2048,
    max_sequences=4,
    batch_tokens=64,
    threads=1,
    gpu_layers=0,
    flash_attention=False,
    vocabulary_size=100,
)
DEVICES = Devices(
    cores=4,
    memory=Memory(total_bytes=100, available_bytes=50),
    gpus=(Gpu(index=0, name="card", total_bytes=10, free_bytes=5),),
)


def file(stem: str, quantization: str = "Q4_1", **more: Any) -> ModelFile:
    return ModelFile(
        name=ModelName(""),
        paths=(Path(f"/secret/{stem}.gguf"),),
        size_bytes=1000,
        modified_at=5.0,
        quantization=quantization,
        capabilities=frozenset({Capability.CHAT}),
        context_length=2048,
        **more,
    )


class Machine:
    """A pool and telemetry that a test changes."""

    def __init__(self, *files: ModelFile) -> None:
        self.statuses = [
            ModelStatus(file=each, lifecycle=Lifecycle.ERROR if each.error else Lifecycle.ON_DISK)
            for each in make_catalog(files).models
        ]
        self.latest: Sample | None = None
        self.clock = FakeClock()
        self.experience = Experience()
        self.battery: Battery | None = None
        self.draining = False
        self.reporter = Reporter(
            pool=self,
            telemetry=self,
            endpoint=OWN,
            experience=self.experience,
            devices=lambda: DEVICES,
            sha256=lambda _file: "ab" * 32,
            battery=lambda: self.battery,
            in_use=lambda: True,
            draining=lambda: self.draining,
            now=self.clock,
        )

    def models(self) -> tuple[ModelStatus, ...]:
        return tuple(self.statuses)

    def change(self, number: int, **changes: Any) -> None:
        self.statuses[number] = structs.replace(self.statuses[number], **changes)

    def load(self, number: int, **live: int) -> None:
        self.change(number, lifecycle=Lifecycle.LOADED, loaded=INFO, live=LiveNumbers(**live))

    def tell(self, heard: HeardModels, *, quiet: bool = True) -> bool:
        """The live part, and the static one if it is wanted; whether it was."""
        wanted = heard.hear(self.reporter.live(), None, quiet=quiet, now=self.clock.now)
        if wanted:
            static = self.reporter.static()
            assert not heard.hear(self.reporter.live(), static, quiet=quiet, now=self.clock.now)
        return wanted


def test_an_idle_machine_says_little() -> None:
    machine = Machine(*(file(f"model-{number}.Q4_1") for number in range(500)))
    for number in range(3):
        machine.load(number)
    machine.latest = Sample(
        at=0.0,
        load=MachineLoad(cpu_percent=3.4, memory_percent=45.6),
        active=0,
        queued=0,
        tokens_per_s=0.0,
    )
    assert len(machine.reporter.live()) < 150


def test_models_are_heard_as_they_are() -> None:
    machine = Machine(file("A.Q4_1"), file("A.Q8_0", "Q8_0"), file("b.Q4_1", error="is truncated"))
    machine.load(0, active=2, queued=1)
    heard = HeardModels()
    assert machine.tell(heard)
    names = [status.file.name for status in heard.models()]
    assert names == ["a:Q4_1", "a:Q8_0", "b"]
    loaded, on_disk, broken = heard.models()
    assert loaded.loaded is not None
    assert (loaded.lifecycle, loaded.loaded.max_sequences, loaded.loaded.context_length) == ("loaded", 4, 512)
    assert (on_disk.lifecycle, on_disk.file.size_bytes, on_disk.file.context_length) == (
        "on_disk",
        1000,
        2048,
    )
    assert (broken.lifecycle, broken.error) == ("error", "is truncated")
    assert heard.static.models[0].sha256 == heard.file_sum(heard.models()[0].file) == "ab" * 32
    assert b"secret" not in machine.reporter.static() + machine.reporter.live()


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("a", "a:Q4_1"),
        ("A:q8_0", "a:Q8_0"),
        (" a.q8_0 ", "a:Q8_0"),
        ("b", "b"),
        ("b:Q4_1", "b"),
        ("c", None),
    ],
)
def test_names_mean_the_same_as_there(name: str, means: str | None) -> None:
    files = (file("A.Q4_1"), file("A.Q8_0", "Q8_0"), file("b.Q4_1"))
    heard = HeardModels()
    Machine(*files).tell(heard)
    found, there = heard.find(name), make_catalog(files).find(name)
    assert (None if found is None else found.file.name) == means
    assert (None if there is None else there.name) == means


def test_the_static_part_is_wanted_once_and_when_it_changes() -> None:
    machine, heard = Machine(file("a.Q4_1")), HeardModels()
    assert [machine.tell(heard), machine.tell(heard)] == [True, False]
    machine.load(0)
    assert not machine.tell(heard)
    other = Machine(file("a.Q4_1"), file("b.Q4_1"))
    machine.statuses = other.statuses
    assert [machine.tell(heard), machine.tell(heard)] == [True, False]


def test_places_of_another_list_are_not_taken() -> None:
    machine, heard = Machine(file("a.Q4_1"), file("b.Q4_1")), HeardModels()
    machine.tell(heard)
    machine.statuses = machine.statuses[1:]
    machine.load(0)
    assert heard.hear(machine.reporter.live(), None, quiet=True, now=0.0)
    assert [status.lifecycle for status in heard.models()] == ["on_disk", "on_disk"]


def test_the_machine_is_heard() -> None:
    machine, heard = Machine(), HeardModels()
    machine.tell(heard)
    assert (heard.machine().online, heard.machine().read_at) == (True, None)
    card = GpuLoad(name="card", used_percent=None, memory_percent=101.0, temperature_celsius=500.0)
    machine.latest = Sample(
        at=0.0,
        load=MachineLoad(cpu_percent=12.3, memory_percent=45.6, gpus=(card,)),
        active=0,
        queued=0,
        tokens_per_s=0.0,
    )
    machine.battery, machine.draining = Battery(percent=40, in_use=True), True
    machine.tell(heard)
    there = heard.machine()
    assert (there.cpu_percent, there.memory_percent, there.gpu_memory_percent) == (12.0, 46.0, 100.0)
    assert (there.read_at, there.online, there.on_battery, there.in_use) == (
        machine.clock.now,
        False,
        True,
        True,
    )


def answered(machine: Machine, model: str) -> None:
    """An answer of 200 prompt tokens in one second and 11 more in another."""
    crowd = Crowd(machine.clock)
    crowd.enter()
    watch = Stopwatch(machine.clock, crowd=crowd, warm=True)
    machine.clock.now += 1.0
    watch.see([Started(prompt_tokens=200, cached_tokens=0), TextDelta(index=0, text="a")])
    machine.clock.now += 1.0
    watch.see([Finished(index=0, reason="stop"), Done(prompt_tokens=200, completion_tokens=11)])
    machine.experience.paces.note((OWN, model), watch, now=machine.clock.now)


def test_what_a_model_does_is_heard() -> None:
    machine, heard = Machine(file("a.Q4_1")), HeardModels()
    machine.load(0, active=2, queued=1)
    answered(machine, "a")
    machine.tell(heard)
    said = heard.reported("a")
    assert (said.active, said.pace) == (3, Pace(decode=10.0, prefill=200.0))
    machine.tell(heard, quiet=False)
    assert heard.reported("a").active == 0


def prints(*numbers: int) -> Fingerprints:
    lengths = tuple(512 * (place + 1) for place in range(len(numbers)))
    return Fingerprints(tuple(number.to_bytes(8, "big") for number in numbers), lengths, lengths, lengths[-1])


def test_fingerprints_are_told_for_a_while_and_remembered() -> None:
    machine, heard, late = Machine(file("a.Q4_1")), HeardModels(), HeardModels()
    machine.load(0)
    machine.tell(heard)
    machine.experience.prefixes.note((OWN, "a"), prints(1, 2), now=machine.clock.now)
    machine.clock.now += NEW_S / 2
    machine.tell(heard)
    assert set(heard.reported("a").prefixes) == set(prints(1, 2).prints)
    machine.clock.now += NEW_S
    assert b"\0\0\0\2" not in machine.reporter.live()
    machine.tell(heard)
    assert set(heard.reported("a").prefixes) == set(prints(1, 2).prints)
    machine.tell(late)  # gets the static part, which has them all
    assert set(late.reported("a").prefixes) == set(prints(1, 2).prints)


def test_reports_are_bounded_whatever_there_is() -> None:
    machine = Machine(*(file("x" * 200 + f"{number}.Q4_1") for number in range(3000)))
    for number in range(3000):
        machine.load(number)
        name = machine.statuses[number].file.name
        machine.experience.prefixes.note((OWN, name), prints(*range(100)), now=machine.clock.now)
        if number % 2:
            machine.change(number, lifecycle=Lifecycle.ERROR, error="é" * 1000, loaded=None)
    live, static = machine.reporter.live(), machine.reporter.static()
    assert len(live) <= report.MAX_LIVE_BYTES and len(static) <= report.MAX_STATIC_BYTES
    heard = HeardModels()
    assert not heard.hear(live, static, quiet=True, now=0.0)
    assert len(heard.models()) > 100


def test_golden_reports() -> None:
    assert report.decode_static(golden("static")) == STATIC
    assert report.decode_live(golden("live")) == LIVE
    assert (report.encode_static(STATIC), report.encode_live(LIVE)) == (golden("static"), golden("live"))


def test_what_a_newer_version_adds_is_ignored() -> None:
    data = msgspec.msgpack.decode(golden("live")) | {"zz": 1}
    data["l"][0] |= {"zz": 1, "s": "sleeping"}
    live = msgspec.msgpack.encode(data)
    static_data = msgspec.msgpack.decode(golden("static")) | {"zz": 1}
    static_data["models"][0]["capabilities"] = ["chat", "telepathy"]
    heard = HeardModels()
    assert not heard.hear(live, msgspec.msgpack.encode(static_data), quiet=True, now=0.0)
    first = heard.models()[0]
    assert (first.lifecycle, first.file.capabilities) == ("on_disk", frozenset({"chat"}))


def changed(part: str, changes: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode(msgspec.msgpack.decode(golden(part)) | changes)


@pytest.mark.parametrize(
    ("live", "static"),
    [
        (b"", None),
        (b"\xc1", None),
        (b"\x91" * 5000, None),
        (changed("live", {"c": 101}), None),
        (changed("live", {"k": b"x" * 33}), None),
        (changed("live", {"l": [{"i": -1}]}), None),
        (changed("live", {"l": [{"i": 0, "d": float("nan")}]}), None),
        (changed("live", {"l": [{"i": 0, "h": [b"short"]}]}), None),
        (changed("live", {"l": [{"i": 0}] * 65}), None),
        (changed("live", {"zz": "x" * report.MAX_LIVE_BYTES}), None),
        (golden("live"), b"\xc1"),
        (golden("live"), changed("static", {"models": [{"name": "x" * 513}]})),
        (golden("live"), changed("static", {"models": [{"name": "a"}] * 2001})),
        (golden("live"), changed("static", {"zz": "x" * report.MAX_STATIC_BYTES})),
    ],
)
def test_lies_change_nothing(live: bytes, static: bytes | None) -> None:
    heard = HeardModels()
    heard.hear(golden("live"), golden("static"), quiet=True, now=0.0)
    before: Sequence[object] = (heard.models(), heard.machine(), heard.heard_at)
    with pytest.raises(report.BadReport):
        heard.hear(live, static, quiet=True, now=9.0)
    assert (heard.models(), heard.machine(), heard.heard_at) == before


def test_a_place_that_is_not_in_the_list_is_ignored() -> None:
    heard = HeardModels()
    heard.hear(changed("live", {"l": [{"i": 77}]}), golden("static"), quiet=True, now=0.0)
    assert len(heard.models()) == 2
