"""What one peer said of itself last: its models, its load. Pure, `now` in Unix time."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from corral.app.gateway.pace import Pace
from corral.app.gateway.standing import Machine, Reported, nothing_reported
from corral.app.serving import load_report as report
from corral.app.telemetry import INTERVAL_S, SAMPLES
from corral.engines.model import (
    Capability,
    Lifecycle,
    LiveNumbers,
    LoadedInfo,
    ModelFile,
    ModelName,
    ModelStatus,
)

_MOST_PREFIXES = 512  # remembered of each model
_LIFECYCLES = frozenset(Lifecycle)
_CAPABILITIES = frozenset(Capability)


class HeardModels:
    """Feed it with `hear`; it keeps the last state."""

    def __init__(self) -> None:
        self._static = report.StaticReport()
        self._live = report.LiveReport()
        self._heard_at: float | None = None
        self._machine = Machine(online=False)
        self._on_disk: Sequence[ModelStatus] = ()
        self._file_sums: Mapping[str, str] = {}
        self._changed: Mapping[int, ModelStatus] = {}
        self._numbers: Mapping[str, int] = {}  # every name that means a model → its place in the list
        self._reported: Mapping[str, Reported] = {}
        self._prefixes: dict[str, OrderedDict[bytes, None]] = {}
        self._samples: deque[tuple[float, report.LiveReport]] = deque(maxlen=SAMPLES)

    def hear(self, live: bytes, static: bytes | None, *, quiet: bool, now: float) -> bool:
        """Take a report; whether the static part that it refers to is wanted. Raises BadReport, and keeps what it had.

        `quiet`: nothing of this node ran there lately, so that whatever is active came from others.
        """
        new_static = None if static is None else report.decode_static(static)
        new_live = report.decode_live(live)
        if new_static is not None and new_static.digest != self._static.digest:
            self._take_static(new_static)
        if new_static is not None:
            for model in new_static.models:
                self._note(model.name, reversed(model.prefixes))
        self._take_live(new_live, quiet=quiet, now=now)
        return new_live.digest != self._static.digest

    @property
    def heard_at(self) -> float | None:
        """When it said something last."""
        return self._heard_at

    @property
    def static(self) -> report.StaticReport:
        """As it was sent."""
        return self._static

    @property
    def live(self) -> report.LiveReport:
        """As it was sent."""
        return self._live

    @property
    def samples(self) -> Sequence[tuple[float, report.LiveReport]]:
        """What it said every ten seconds of the last hour, oldest first, with Unix times."""
        return tuple(self._samples)

    def machine(self) -> Machine:
        """Its load; `online` unless it drains."""
        return self._machine

    def models(self) -> tuple[ModelStatus, ...]:
        """In the peer's order."""
        changed = self._changed
        return tuple(changed.get(number, each) for number, each in enumerate(self._on_disk))

    def find(self, name: str) -> ModelStatus | None:
        """In any of the ways to write a name that the peer understands."""
        number = self._numbers.get(name.strip().lower())
        return None if number is None else self._changed.get(number, self._on_disk[number])

    def reported(self, name: str) -> Reported:
        """Of the model listed as `name`."""
        return self._reported.get(name) or nothing_reported(name)

    def file_sum(self, file: ModelFile) -> str:
        """Of the files of one of its models; empty while the peer doesn't know it."""
        return self._file_sums.get(file.name, "")

    def _take_static(self, static: report.StaticReport) -> None:
        self._static = static
        self._file_sums = {model.name: model.sha256 for model in static.models}
        self._on_disk = [_on_disk(model) for model in static.models]
        self._numbers = _index(static.models)
        names = {model.name for model in static.models}
        self._prefixes = {name: known for name, known in self._prefixes.items() if name in names}

    def _take_live(self, live: report.LiveReport, *, quiet: bool, now: float) -> None:
        models = (
            live.models if live.digest == self._static.digest else ()
        )  # else the places mean other models
        known = [each for each in models if each.model < len(self._on_disk)]
        changed: dict[int, ModelStatus] = {}
        reported: dict[str, Reported] = {}
        for each in known:
            status = self._on_disk[each.model]
            changed[each.model] = _as_said(status, each)
            name = status.file.name
            self._note(name, reversed(each.prefixes))
            reported[name] = Reported(
                active=each.active + each.waiting if quiet else 0,
                pace=Pace(decode=each.decode_tenths / 10 or None, prefill=each.prefill_tenths / 10 or None),
                prefixes=self._prefixes.get(name, {}).keys(),
            )
        self._live, self._changed, self._reported = live, changed, reported
        self._machine = _machine(live, now=now)
        self._heard_at = now
        if not self._samples or now - self._samples[-1][0] >= INTERVAL_S:
            self._samples.append((now, live))

    def _note(self, model: str, prefixes: Iterable[bytes]) -> None:
        for each in prefixes:
            known = self._prefixes.setdefault(model, OrderedDict())
            known[each] = None
            known.move_to_end(each)
            if len(known) > _MOST_PREFIXES:
                known.popitem(last=False)


def _on_disk(model: report.ModelReport) -> ModelStatus:
    file = ModelFile(
        name=ModelName(model.name),
        paths=(),
        size_bytes=model.size_bytes,
        modified_at=float(model.created),
        architecture=model.architecture,
        quantization=model.quantization,
        context_length=model.context_length,
        capabilities=frozenset(Capability(each) for each in model.capabilities if each in _CAPABILITIES),
        error=model.error or None,
    )
    lifecycle = Lifecycle.ERROR if model.error else Lifecycle.ON_DISK
    return ModelStatus(file=file, lifecycle=lifecycle, error=model.error or None)


def _as_said(status: ModelStatus, live: report.ModelLive) -> ModelStatus:
    lifecycle = Lifecycle(live.state) if live.state in _LIFECYCLES else status.lifecycle
    return structs.replace(
        status,
        lifecycle=lifecycle,
        progress=live.progress / 100,
        error=live.error or status.error,
        loaded=_loaded(status.file, live) if lifecycle is Lifecycle.LOADED else None,
        live=LiveNumbers(active=live.active, queued=live.waiting, tokens_per_s=live.speed_tenths / 10),
    )


def _loaded(file: ModelFile, live: report.ModelLive) -> LoadedInfo:
    """Of what a peer doesn't say, nothing."""
    return LoadedInfo(
        capabilities=file.capabilities,
        context_length=live.context_length or file.context_length,
        cache_tokens=0,
        max_sequences=max(1, live.slots),
        batch_tokens=0,
        threads=0,
        gpu_layers=0,
        flash_attention=False,
        vocabulary_size=0,
    )


def _machine(live: report.LiveReport, *, now: float) -> Machine:
    gpus = live.gpus
    return Machine(
        online=not live.draining,
        cpu_percent=float(live.cpu_percent or 0),
        memory_percent=float(live.memory_percent or 0),
        gpu_percent=sum(gpu.used_percent for gpu in gpus) / len(gpus) if gpus else 0.0,
        gpu_memory_percent=sum(gpu.memory_percent for gpu in gpus) / len(gpus) if gpus else 0.0,
        read_at=None if live.cpu_percent is None else now,
        on_battery=live.on_battery,
        in_use=bool(live.in_use),
    )


def _index(models: Sequence[report.ModelReport]) -> dict[str, int]:
    """As `engines.catalog` has it: the listed name, name:QUANTISATION, the plain name, the file's stem."""
    index: dict[str, int] = {}
    for number, model in enumerate(models):
        index.setdefault(model.name.lower(), number)
    for number, model in enumerate(models):
        if model.quantization:
            index.setdefault(f"{_base(model)}:{model.quantization}".lower(), number)
    for number, model in enumerate(models):  # the peer lists first what the plain name means
        index.setdefault(_base(model), number)
    for number, model in enumerate(models):
        if model.stem:
            index.setdefault(model.stem.lower(), number)
    return index


def _base(model: report.ModelReport) -> str:
    return model.name.partition(":")[0].lower()
