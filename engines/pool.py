"""The models of this machine as one thing to ask: loads on demand, makes room, survives crashes."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import structlog

from corral.engines.capability import check_capability
from corral.engines.devices import Devices, read_devices
from corral.engines.engine import Engine
from corral.engines.errors import (
    EngineError,
    ModelNotFound,
    QueueFull,
    QueueTimeout,
    ShuttingDown,
    copy_of,
)
from corral.engines.events import Event
from corral.engines.eviction import idle_too_long
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.loader import Clock, Loader
from corral.engines.model import LoadedInfo, LoadOptions, ModelFile, ModelName, ModelStatus
from corral.engines.process import WorkerProcess
from corral.engines.requests import Request
from corral.engines.slot import Slot, slot_id
from corral.engines.spawn import WORKER_COMMAND

_LOG = structlog.get_logger(__name__)
_UNKNOWN_NAME_RESCAN_S = (
    2.0  # a name that isn't known yet may be a new file; look, but not for every wrong request
)


def _default_options(_name: ModelName) -> LoadOptions:
    return LoadOptions()


class ModelPool:
    """Owns the workers. Everything that goes wrong is an EngineError."""

    def __init__(
        self,
        *,
        library: Library,
        engines: Sequence[Engine],
        limits: PoolLimits = PoolLimits(),  # noqa: B008 - frozen
        options: Callable[[ModelName], LoadOptions] = _default_options,
        devices: Callable[[], Devices] = read_devices,
        command: Sequence[str] = WORKER_COMMAND,
        clock: Clock = time.monotonic,
    ) -> None:
        """`engines` are tried in order; `devices` is called in a thread; `command` starts a worker."""
        self._library = library
        self._limits = limits
        self._clock = clock
        self._loader = Loader(
            engines=engines, limits=limits, options=options, devices=devices, command=command, clock=clock
        )
        self._waiting = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._scanned_at = clock()

    async def start(self) -> None:
        """Look at the model folders, and begin to look after them."""
        await self.rescan()
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="pool sweeper")

    async def stop(self) -> None:
        """Fail what is in flight with ShuttingDown, end every worker and wait for it."""
        self._stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        await self._loader.stop()

    def models(self) -> tuple[ModelStatus, ...]:
        """Every model on this machine, in the order of names."""
        now = self._clock()
        return tuple(self._loader.slot(file).status(now=now) for file in self._library.models())

    def find(self, name: str) -> ModelStatus | None:
        """The model that a name means, in any of the ways to write it; None if it isn't known."""
        file = self._library.find(name)
        return None if file is None else self._loader.slot(file).status(now=self._clock())

    async def answer(self, name: str, request: Request) -> AsyncGenerator[Event, None]:
        """The events of one request, up to and with Done; loads the model first if need be.

        Close the generator to cancel the request. Raises EngineError, before the first event or after it.
        """
        file = await self._find(name)
        check_capability(file, request)
        slot = self._loader.slot(file)
        slot.users += 1
        try:
            worker = slot.ready_worker
            if worker is None or slot.changed_file is not None:
                worker = await self._queued(slot)
            async with aclosing(worker.answer(request)) as events:
                async for event in events:
                    yield event
        finally:
            self._release(slot)

    async def load(self, name: str) -> LoadedInfo:
        """Load a model now, also one that was given up. Raises EngineError."""
        slot = self._loader.slot(await self._find(name))
        if slot.ready_worker is None:
            slot.forgive()
        slot.users += 1
        try:
            await self._loaded(slot)
            assert slot.info is not None  # nothing was awaited since it was loaded
            return slot.info
        finally:
            self._release(slot)

    async def unload(self, name: str) -> None:
        """Unload a model; one that is busy when it has become idle. Raises ModelNotFound, QueueTimeout."""
        slot = self._loader.slot(await self._find(name))
        deadline = self._clock() + self._limits.queue_timeout_s
        if slot.loading is not None:
            slot.loading.cancel()
            await asyncio.wait([slot.loading])
        while slot.users:
            left = deadline - self._clock()
            if left <= 0:
                raise QueueTimeout(f"model {slot.file.name!r} is still answering; try again later")
            await self._loader.wait_for_change(left)
        await asyncio.wait([self._loader.begin_unload(slot)])

    async def rescan(self) -> tuple[ModelStatus, ...]:
        """Look at the model folders again."""
        self._scanned_at = self._clock()
        files = {slot_id(file) for file in await self._library.scan()}
        for slot in [slot for slot in self._loader.slots.values() if slot.id not in files]:
            if not slot.users and slot.loading is None:
                await asyncio.wait([self._loader.begin_unload(slot)])
                self._loader.drop(slot)
        return self.models()

    async def _find(self, name: str) -> ModelFile:
        try:
            return self._library.resolve(name)
        except ModelNotFound:
            if self._clock() - self._scanned_at < _UNKNOWN_NAME_RESCAN_S:
                raise
        await self.rescan()
        return self._library.resolve(name)

    def _release(self, slot: Slot) -> None:
        slot.users -= 1
        slot.last_used_at = self._clock()
        if not slot.users:
            self._loader.notify()

    async def _queued(self, slot: Slot) -> WorkerProcess:
        """Wait for the model in the bounded queue."""
        if self._waiting >= self._limits.queue_max:
            raise QueueFull(f"{self._waiting} requests wait for models to load already; try again later")
        self._waiting += 1
        try:
            return await self._loaded(slot)
        finally:
            self._waiting -= 1

    async def _loaded(self, slot: Slot) -> WorkerProcess:
        """The model's worker, loaded first if need be. The caller counts as the slot's user."""
        deadline = self._clock() + self._limits.load_timeout_s
        while True:
            if self._stopping:
                raise ShuttingDown("this node is stopping")
            if slot.changed_file is not None and slot.users == 1 and slot.ready_worker is not None:
                self._loader.begin_unload(slot)  # nobody else uses the old file
            if (worker := slot.ready_worker) is not None:
                return worker
            if (refusal := slot.refusal(now=self._clock())) is not None:
                raise copy_of(refusal)
            loading = self._loader.begin_load(slot)
            await asyncio.wait([loading], timeout=max(0.0, deadline - self._clock()))
            if not loading.done():
                raise QueueTimeout(f"model {slot.file.name!r} is still loading; try again later")
            if loading.cancelled():
                raise ShuttingDown(f"loading of model {slot.file.name!r} was stopped")
            if (error := loading.exception()) is not None:
                raise copy_of(error) if isinstance(error, EngineError) else error

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.sweep_interval_s)
            try:
                await self.sweep()
            except Exception:  # noqa: BLE001 - whatever it is, the next sweep must come
                _LOG.exception("sweeping the model pool failed")

    async def sweep(self) -> None:
        """Unload what has been idle for too long; look at the folders when it is time."""
        now = self._clock()
        residents = self._loader.residents(self._loader.slots.values())
        for each in idle_too_long(residents, now=now, idle_timeout_s=self._limits.idle_timeout_s):
            self._loader.begin_unload(self._loader.slots[each])
        if now - self._scanned_at >= self._limits.rescan_interval_s:
            await self.rescan()
