"""The engine protocol: the four things every engine is to the pool.

*Can I load this file, load it, answer requests as streams of events, unload it.* An engine lives in a worker process
(`worker.py`), one process per loaded model; what differs between engines is which requests they answer.
"""

from collections.abc import Callable, Sequence
from typing import NewType, Protocol

from corral.engines.events import Event
from corral.engines.model import LiveNumbers, LoadedInfo, LoadOptions, ModelFile
from corral.engines.requests import Request

RequestId = NewType("RequestId", int)  # chosen by the pool, unique within one worker process

Emit = Callable[[Sequence[tuple[RequestId, Event]]], None]  # one call per step, events of all requests
Progress = Callable[[float], None]  # 0..1


class LoadedModel(Protocol):
    """A model in memory. `submit`, `cancel` and `numbers` may be called from any thread while `run` runs in its own."""

    @property
    def info(self) -> LoadedInfo: ...

    def submit(self, request_id: RequestId, request: Request) -> None:
        """Start on a request; everything about it, errors too, comes back through `emit`. Never blocks for long."""

    def cancel(self, request_id: RequestId) -> None:
        """Drop a request within one step; no further event of it is emitted. Unknown ids are ignored."""

    def numbers(self) -> LiveNumbers: ...

    def run(self, emit: Emit) -> None:
        """Work until `close` is called; the worker's main thread lives here."""

    def close(self) -> None:
        """Make `run` return soon and give all memory back."""


class Engine(Protocol):
    """One kind of model. Importing an engine's module must be cheap; native libraries load in `load`."""

    def can_load(self, file: ModelFile) -> bool: ...

    def load(self, file: ModelFile, options: LoadOptions, progress: Progress) -> LoadedModel:
        """Raises ModelBroken (unreadable file) or InsufficientMemory."""
