"""Makes this node's load report from its pool, its telemetry and what it has measured."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import structs

from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.experience import Experience
from corral.app.serving import load_report as report
from corral.app.telemetry import Sample
from corral.engines.battery import Battery
from corral.engines.devices import Devices
from corral.engines.load import GpuLoad
from corral.engines.model import Lifecycle, ModelFile, ModelStatus
from corral.engines.model_names import parse

NEW_S = 2.0  # fingerprints are told so long: the router hears each change, other members mostly
_ORDER = {Lifecycle.LOADED: 0, Lifecycle.LOADING: 1, Lifecycle.ERROR: 2, Lifecycle.ON_DISK: 3}


class Pool(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def models(self) -> tuple[ModelStatus, ...]: ...


class Telemetry(Protocol):
    """What this needs of `telemetry.Telemetry`."""

    @property
    def latest(self) -> Sample | None: ...


def _no_sum(_file: ModelFile) -> str:
    return ""


class Reporter:
    """Call `live` for every tick's heartbeats, `static` for a peer that wants it."""

    def __init__(
        self,
        *,
        pool: Pool,
        telemetry: Telemetry,
        endpoint: EndpointId,
        experience: Experience,
        program: str = "",
        devices: Callable[[], Devices | None] = lambda: None,
        sha256: Callable[[ModelFile], str] = _no_sum,
        copies: Callable[[], Sequence[report.CopyLive]] = tuple,
        battery: Callable[[], Battery | None] = lambda: None,
        in_use: Callable[[], bool | None] = lambda: None,
        draining: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`endpoint` is what this machine's own models are called in `experience`; `program` the version of Corral.

        None of the callables may block.
        """
        self._pool = pool
        self._telemetry = telemetry
        self._endpoint = endpoint
        self._experience = experience
        self._program = program
        self._devices = devices
        self._sha256 = sha256
        self._copies = copies
        self._battery = battery
        self._in_use = in_use
        self._draining = draining
        self._now = now
        self._made_of: tuple[object, ...] = ()
        self._static = report.StaticReport()

    def live(self) -> bytes:
        """At most MAX_LIVE_BYTES."""
        statuses = self._looked()
        now = self._now()
        telling = sorted(
            (number for number, status in enumerate(statuses) if status.lifecycle is not Lifecycle.ON_DISK),
            key=lambda number: _ORDER[statuses[number].lifecycle],
        )
        models = [
            self._model_live(number, statuses[number], now) for number in telling[: report.MOST_LIVE_MODELS]
        ]
        copies = tuple(self._copies())[: report.MOST_COPIES]
        data = report.encode_live(self._machine_live(models, copies))
        while len(data) > report.MAX_LIVE_BYTES:
            models = [structs.replace(each, prefixes=()) for each in models[: len(models) * 3 // 4]]
            copies = copies[: len(copies) * 3 // 4]
            data = report.encode_live(self._machine_live(models, copies))
        return data

    def static(self) -> bytes:
        """At most MAX_STATIC_BYTES, with the newest fingerprints of the models that are loaded."""
        statuses = self._looked()
        models = list(self._static.models)
        for number, status in enumerate(statuses):
            if status.lifecycle is Lifecycle.LOADED:
                known = self._experience.prefixes.newest(self._place(status), report.MOST_PREFIXES)
                models[number] = structs.replace(models[number], prefixes=known)
        data = report.encode_static(structs.replace(self._static, models=tuple(models)))
        return data if len(data) <= report.MAX_STATIC_BYTES else report.encode_static(self._static)

    def _looked(self) -> Sequence[ModelStatus]:
        """The models now, as many as fit; makes the static part anew if their files have changed."""
        statuses = self._pool.models()[: report.MOST_MODELS]
        files = [(status.file, self._sha256(status.file)) for status in statuses]
        made_of = files, self._devices()
        if made_of != self._made_of:
            self._made_of = made_of
            self._static = _static_report(*made_of, program=self._program)
        return statuses[: len(self._static.models)]

    def _machine_live(
        self, models: Sequence[report.ModelLive], copies: tuple[report.CopyLive, ...]
    ) -> report.LiveReport:
        latest, battery = self._telemetry.latest, self._battery()
        load = None if latest is None else latest.load
        return report.LiveReport(
            digest=self._static.digest,
            cpu_percent=None if load is None else _percent(load.cpu_percent),
            memory_percent=None if load is None else _percent(load.memory_percent),
            gpus=() if load is None else tuple(map(_gpu_live, load.gpus[: report.MOST_GPUS])),
            battery_percent=None if battery is None else battery.percent,
            on_battery=battery is not None and battery.in_use,
            in_use=self._in_use(),
            draining=self._draining(),
            models=tuple(models),
            copies=copies,
        )

    def _model_live(self, number: int, status: ModelStatus, now: float) -> report.ModelLive:
        pace = self._experience.paces.of(self._place(status), now=now)
        return report.ModelLive(
            model=number,
            state=status.lifecycle.value,
            progress=_percent(status.progress * 100) if status.lifecycle is Lifecycle.LOADING else 0,
            error=(status.error or "")[:200],
            slots=0 if status.loaded is None else status.loaded.max_sequences,
            context_length=0 if status.loaded is None else status.loaded.context_length,
            active=status.live.active,
            waiting=status.live.queued,
            decode_tenths=_tenths(pace.decode),
            prefill_tenths=_tenths(pace.prefill),
            speed_tenths=_tenths(status.live.tokens_per_s),
            prefixes=self._experience.prefixes.newest(
                self._place(status), report.MOST_NEW_PREFIXES, since=now - NEW_S
            ),
        )

    def _place(self, status: ModelStatus) -> tuple[EndpointId, str]:
        return self._endpoint, status.file.name


def _static_report(
    files: Sequence[tuple[ModelFile, str]], devices: Devices | None, *, program: str
) -> report.StaticReport:
    made = report.StaticReport(
        program=program[:64],
        models=tuple(_model_report(file, sha256) for file, sha256 in files),
        cores=0 if devices is None else devices.cores,
        memory_bytes=0 if devices is None else devices.memory.total_bytes,
        gpus=tuple(
            report.GpuReport(name=gpu.name[:200], memory_bytes=gpu.total_bytes)
            for gpu in (() if devices is None else devices.gpus[: report.MOST_GPUS])
        ),
    )
    while len(report.encode_static(made)) > report.MAX_STATIC_BYTES:
        made = structs.replace(made, models=made.models[: len(made.models) * 3 // 4])
    return report.with_digest(made)


def _model_report(file: ModelFile, sha256: str) -> report.ModelReport:
    return report.ModelReport(
        name=file.name[:512],
        stem=parse(file.paths[0]).stem[:512] if file.paths else "",
        quantization=file.quantization[:64],
        architecture=file.architecture[:64],
        capabilities=tuple(sorted(file.capabilities)),
        context_length=max(0, file.context_length),
        size_bytes=file.size_bytes,
        created=max(0, int(file.modified_at)),
        sha256=sha256[:64],
        error=(file.error or "")[:200],
    )


def _gpu_live(gpu: GpuLoad) -> report.GpuLive:
    celsius = gpu.temperature_celsius
    return report.GpuLive(
        used_percent=_percent(gpu.used_percent or 0.0),
        memory_percent=_percent(gpu.memory_percent),
        celsius=None if celsius is None else min(200, max(-50, round(celsius))),
    )


def _percent(value: float) -> int:
    return min(100, max(0, round(value)))


def _tenths(tokens_per_s: float | None) -> int:
    return 0 if tokens_per_s is None else min(10**8, max(0, round(tokens_per_s * 10)))
