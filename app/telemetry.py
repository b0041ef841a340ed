"""The last hour of this machine's load, sampled every ten seconds and kept in memory."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from corral.engines.load import MachineLoad, read_load
from corral.engines.model import ModelStatus

INTERVAL_S = 10.0
SAMPLES = 360  # an hour


class Models(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    def models(self) -> tuple[ModelStatus, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reading. `at` is Unix time in seconds."""

    at: float
    load: MachineLoad
    active: int  # sequences being read or generated
    queued: int  # requests that wait in a model's queue
    tokens_per_s: float


class Telemetry:
    """Call `sample` again and again."""

    def __init__(
        self,
        *,
        models: Models,
        now: Callable[[], float] = time.time,
        read: Callable[[], MachineLoad] = read_load,
    ) -> None:
        self._models = models
        self._now = now
        self._read = read
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)

    @property
    def samples(self) -> Sequence[Sample]:
        """Oldest first."""
        return tuple(self._samples)

    @property
    def latest(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    async def sample(self) -> Sample:
        """Read once."""
        load = await asyncio.to_thread(self._read)
        live = [status.live for status in self._models.models()]
        sample = Sample(
            at=self._now(),
            load=load,
            active=sum(each.active for each in live),
            queued=sum(each.queued for each in live),
            tokens_per_s=sum(each.tokens_per_s for each in live),
        )
        self._samples.append(sample)
        return sample
