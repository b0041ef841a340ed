"""One model of the pool: its file, its worker while it has one, and what went wrong with it."""

import asyncio

from corral.engines.errors import EngineError, ModelBroken
from corral.engines.eviction import SlotId
from corral.engines.model import Lifecycle, LiveNumbers, LoadedInfo, ModelFile, ModelStatus
from corral.engines.process import WorkerProcess


class Slot:
    """State only; `loader.py` moves it. A model is loaded while `info` is set, and busy while it has `users`."""

    def __init__(self, file: ModelFile, *, now: float) -> None:
        self.file = file  # what the worker has, or will load
        self.changed_file: ModelFile | None = None  # what is on disk now, if that is something else
        self.worker: WorkerProcess | None = None
        self.info: LoadedInfo | None = None
        self.loading: asyncio.Task[None] | None = None
        self.unloading: asyncio.Task[None] | None = None
        self.progress = 0.0
        self.users = 0  # requests that are answered or wait for the model to load
        self.last_used_at = now
        self.estimated_bytes = 0  # what loading reckoned with; 0 while not loaded
        self.crashes: tuple[float, ...] = ()
        self.failure: EngineError | None = None
        self.retry_at: float | None = None  # None: only when told, or when the file has changed
        self.output_tail = ""

    @property
    def id(self) -> SlotId:
        return slot_id(self.file)

    @property
    def ready_worker(self) -> WorkerProcess | None:
        """The worker, if it has the model loaded."""
        return self.worker if self.info is not None else None

    @property
    def memory_bytes(self) -> int:
        """What the model takes, of the cards' memory too: measured or reckoned, whichever is more."""
        measured = self.worker.memory_bytes if self.worker is not None else 0
        return max(measured + self.gpu_memory_bytes, self.estimated_bytes)

    @property
    def gpu_memory_bytes(self) -> int:
        """What it takes of the cards' own memory; 0 while it isn't loaded."""
        return self.info.gpu_memory_bytes if self.info is not None else 0

    def update_file(self, file: ModelFile) -> None:
        """Note what the library says about the file now. A changed file deserves a new chance."""
        if _same_content(file, self.file):
            self.file = file
            self.changed_file = None
        elif self.worker is None and self.loading is None:
            self.file = file
            self.forgive()
        else:
            self.changed_file = file

    def take_changed_file(self) -> None:
        """Go on with what is on disk now; the worker that had the old file is gone."""
        if self.changed_file is not None:
            self.file, self.changed_file = self.changed_file, None
            self.forgive()

    def forgive(self) -> None:
        """Forget failures and crashes."""
        self.failure = None
        self.retry_at = None
        self.crashes = ()

    def fail(self, error: EngineError, *, retry_at: float | None) -> None:
        """Refuse requests with `error` until `retry_at`."""
        self.failure = error
        self.retry_at = retry_at

    def refusal(self, *, now: float) -> EngineError | None:
        """Why the model can't be loaded now; None if it may be tried."""
        if self.file.error is not None and self.changed_file is None:
            return ModelBroken(f"model {self.file.name!r} can't be loaded: {self.file.error}")
        if self.failure is not None and (self.retry_at is None or now < self.retry_at):
            return self.failure
        return None

    def status(self, *, now: float) -> ModelStatus:
        """What people see."""
        idle = self.info is not None and self.users == 0
        return ModelStatus(
            file=self.changed_file or self.file,
            lifecycle=self._lifecycle(),
            progress=self.progress,
            error=self.file.error or (self.failure.message if self.failure else None),
            loaded=self.info,
            live=self.worker.numbers if self.worker is not None else LiveNumbers(),
            memory_bytes=self.worker.memory_bytes if self.worker is not None else 0,
            idle_s=now - self.last_used_at if idle else None,
            output_tail=self.output_tail or (self.worker.stderr_tail if self.worker is not None else ""),
        )

    def _lifecycle(self) -> Lifecycle:
        if self.info is not None:
            return Lifecycle.LOADED
        if self.loading is not None:
            return Lifecycle.LOADING
        if self.failure is not None or self.file.error is not None:
            return Lifecycle.ERROR
        return Lifecycle.ON_DISK


def slot_id(file: ModelFile) -> SlotId:
    """A model is known by its first file, because names may change when files are added."""
    return SlotId(file.paths[0])


def _same_content(one: ModelFile, other: ModelFile) -> bool:
    return (one.paths, one.size_bytes, one.modified_at) == (other.paths, other.size_bytes, other.modified_at)
