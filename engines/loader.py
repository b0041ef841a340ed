"""Carries out what the pool decides: loads a model when there is room for it, unloads, notes crashes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context

import structlog
from msgspec import structs

from corral.engines import fit, restarts
from corral.engines.devices import Devices
from corral.engines.engine import Engine
from corral.engines.errors import EngineError, ModelBroken, QueueTimeout, WorkerCrashed
from corral.engines.eviction import Resident, SlotId, Unload, allowance, in_the_way, make_room
from corral.engines.limits import PoolLimits
from corral.engines.model import LoadOptions, ModelFile, ModelName
from corral.engines.process import WorkerProcess
from corral.engines.slot import Slot, slot_id

_RECHECK_S = 1.0  # memory may also become free without our doing
_LOG = structlog.get_logger(__name__)

Clock = Callable[[], float]  # seconds, never goes back


class Loader:
    """The slots of all models, and the tasks that load and unload them."""

    def __init__(
        self,
        *,
        engines: Sequence[Engine],
        limits: PoolLimits,
        options: Callable[[ModelName], LoadOptions],
        devices: Callable[[], Devices],
        command: Sequence[str],
        clock: Clock,
    ) -> None:
        self.slots: dict[SlotId, Slot] = {}
        self._engines = engines
        self._limits = limits
        self._options = options
        self._devices = devices
        self._command = command
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._change = asyncio.Event()  # set, and replaced, whenever a slot has become idle or empty

    def slot(self, file: ModelFile) -> Slot:
        """The slot of a model that the library knows, brought up to date with its file."""
        slot = self.slots.get(slot_id(file))
        if slot is None:
            slot = self.slots[slot_id(file)] = Slot(file, now=self._clock())
        elif slot.file is not file:
            slot.update_file(file)
        return slot

    def drop(self, slot: Slot) -> None:
        """Forget a slot whose file is gone, unless somebody has come to use it."""
        if not slot.users and slot.loading is None and slot.worker is None:
            self.slots.pop(slot.id, None)

    def begin_load(self, slot: Slot) -> asyncio.Task[None]:
        """The task that loads this model, a running one if there is one. Errors stay in the task."""
        if slot.loading is None:
            slot.loading = self._task(self._load(slot), f"load {slot.file.name}")
        return slot.loading

    def begin_unload(self, slot: Slot) -> asyncio.Task[None]:
        """The task that ends this model's worker. From now on the slot counts as not loaded."""
        if slot.unloading is None:
            worker, slot.worker, slot.info = slot.worker, None, None
            slot.unloading = self._task(self._unload(slot, worker), f"unload {slot.file.name}")
        return slot.unloading

    def notify(self) -> None:
        """Something has become idle or free: those who wait for room look again."""
        self._change.set()
        self._change = asyncio.Event()

    async def wait_for_change(self, timeout_s: float) -> None:
        """Until `notify`, or the time is up."""
        try:
            await asyncio.wait_for(self._change.wait(), timeout_s)
        except TimeoutError:
            return

    async def stop(self) -> None:
        """End all loads and workers, and wait for them."""
        for slot in self.slots.values():
            if slot.loading is not None:
                slot.loading.cancel()
        await _finished([slot.loading for slot in self.slots.values() if slot.loading is not None])
        for slot in self.slots.values():
            self.begin_unload(slot)
        await _finished(self._tasks)

    async def _load(self, slot: Slot) -> None:
        try:
            if slot.unloading is not None:
                await _finished([slot.unloading])
            slot.take_changed_file()
            await asyncio.sleep(restarts.delay_s(slot.crashes, now=self._clock(), limits=self._limits))
            options = self._options(slot.file.name)
            room = await self._make_room(slot, options)
            room = min(room, options.memory_bytes or room)
            await self._start(slot, structs.replace(options, memory_bytes=room))
        finally:
            slot.loading = None
            slot.progress = 0.0
            slot.last_used_at = self._clock()
            self.notify()

    async def _start(self, slot: Slot, options: LoadOptions) -> None:
        name = slot.file.name
        worker = WorkerProcess(
            engine=self._engine_for(slot.file),
            command=self._command,
            on_lost=lambda: Context().run(self._lost, slot, worker),  # not on behalf of who asked first
            on_line=lambda line: _LOG.debug("worker output", model=name, line=line),
        )
        slot.worker = worker
        slot.output_tail = ""
        _LOG.info("loading model", model=name)
        try:
            info = await worker.start(slot.file, options, lambda fraction: _note_progress(slot, fraction))
        except EngineError as error:
            self._note_failure(slot, error, worker.stderr_tail)
            raise
        finally:
            if not worker.alive:
                slot.worker, slot.estimated_bytes = None, 0
                slot.output_tail = worker.stderr_tail
        if slot.worker is not worker:
            raise WorkerCrashed("the process that runs this model ended right after loading")
        slot.info = info
        slot.failure = None
        _LOG.info("model loaded", model=name, description=info.description)

    def _note_failure(self, slot: Slot, error: EngineError, output: str) -> None:
        _LOG.warning("loading failed", model=slot.file.name, error=error.message, output=output)
        if isinstance(error, WorkerCrashed):
            self._note_crash(slot)
        else:
            slot.fail(error, retry_at=self._clock() + self._limits.retry_failed_s)

    def _note_crash(self, slot: Slot) -> None:
        now = self._clock()
        slot.crashes = (*restarts.recent(slot.crashes, now=now, limits=self._limits), now)
        if restarts.given_up(slot.crashes, now=now, limits=self._limits):
            times, window = len(slot.crashes), round(self._limits.crash_window_s)
            message = f"the process of model {slot.file.name!r} crashed {times} times within {window} seconds"
            slot.fail(ModelBroken(f"{message}; load it by hand to try again"), retry_at=None)

    def _lost(self, slot: Slot, worker: WorkerProcess) -> None:
        """A worker that had its model loaded is gone."""
        if slot.worker is worker:
            slot.worker, slot.info, slot.estimated_bytes = None, None, 0
        self._note_crash(slot)
        self._task(self._bury(slot, worker), f"bury {slot.file.name}")
        self.notify()

    async def _bury(self, slot: Slot, worker: WorkerProcess) -> None:
        await worker.stop()
        slot.output_tail = worker.stderr_tail
        _LOG.error("model crashed", model=slot.file.name, output=slot.output_tail)

    async def _unload(self, slot: Slot, worker: WorkerProcess | None) -> None:
        try:
            if worker is not None:
                await worker.stop(self._limits.stop_grace_s)
                _LOG.info("model unloaded", model=slot.file.name)
        finally:
            slot.unloading = None
            slot.estimated_bytes = 0
            slot.take_changed_file()
            self.notify()

    async def _make_room(self, slot: Slot, options: LoadOptions) -> int:
        """Unload what must go, or wait for it to become idle; the bytes that the model may take then.

        Raises InsufficientMemory, QueueTimeout.
        """
        needed = fit.needed_bytes(slot.file, options)
        deadline = self._clock() + self._limits.queue_timeout_s
        while True:
            devices = await asyncio.to_thread(self._devices)
            others = [each for each in self.slots.values() if each is not slot]
            residents = self.residents(others)
            if idle := _in_the_way(slot.file, options, devices, residents):
                await _finished([self.begin_unload(self.slots[each]) for each in idle])
                continue
            free = _free_bytes(devices, others)
            verdict = make_room(
                needed_bytes=needed,
                free_bytes=free,
                residents=residents,
                limits=self._limits,
            )
            if isinstance(verdict, Unload):
                if not verdict.ids:
                    slot.estimated_bytes = needed
                    return min(free, allowance(residents, self._limits) or free)
                await _finished([self.begin_unload(self.slots[each]) for each in verdict.ids])
                continue
            left = deadline - self._clock()
            if left <= 0:
                message = "other models are busy and leave no memory for this one; try again later"
                raise QueueTimeout(message)
            await self.wait_for_change(min(left, _RECHECK_S))

    def residents(self, slots: Iterable[Slot]) -> list[Resident]:
        """Those that take memory, or have been promised some."""
        return [
            Resident(
                id=slot.id,
                memory_bytes=slot.memory_bytes,
                last_used_at=slot.last_used_at,
                busy=slot.users > 0 or slot.info is None,
                gpu_memory_bytes=slot.gpu_memory_bytes,
            )
            for slot in slots
            if slot.unloading is None and (slot.info is not None or slot.estimated_bytes > 0)
        ]

    def _engine_for(self, file: ModelFile) -> str:
        for engine in self._engines:
            if engine.can_load(file):
                return f"{type(engine).__module__}:{type(engine).__qualname__}"
        raise ModelBroken(f"no engine here can load files of format {file.format!r}")

    def _task(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it reads it as well; nobody may


def _in_the_way(
    file: ModelFile, options: LoadOptions, devices: Devices, residents: Sequence[Resident]
) -> tuple[SlotId, ...]:
    """Idle models on the cards that a model must not share them with: it would be slow in main memory."""
    if not devices.gpu_total_bytes or options.gpu_layers == 0:
        return ()
    return in_the_way(
        needed_bytes=fit.needed_on_cards(file, options, devices),
        free_bytes=_free_on_cards(devices, sum(each.gpu_memory_bytes for each in residents)),
        total_bytes=devices.gpu_total_bytes,
        residents=residents,
    )


def _free_bytes(devices: Devices, others: Iterable[Slot]) -> int:
    """What is free for one more model.

    The system counts the pages of mapped model files as available, so memory of loaded models is taken off the total
    as well; models that are still loading haven't taken theirs yet.
    """
    taken = taken_on_cards = promised = 0
    for slot in others:
        taken_on_cards += slot.gpu_memory_bytes
        taken += slot.memory_bytes - slot.gpu_memory_bytes
        promised += slot.estimated_bytes if slot.info is None else 0
    memory = devices.memory
    main = max(0, min(memory.available_bytes, memory.total_bytes - taken))
    return max(0, main + _free_on_cards(devices, taken_on_cards) - promised)


def _free_on_cards(devices: Devices, taken: int) -> int:
    """Not every card says what is free at this moment, so what models have taken is taken off the total as well."""
    return max(0, min(devices.gpu_free_bytes, devices.gpu_total_bytes - taken))


def _note_progress(slot: Slot, fraction: float) -> None:
    slot.progress = fraction


async def _finished(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for tasks without their errors, and without cancelling them if we are cancelled."""
    if waiting := list(tasks):
        await asyncio.wait(waiting)
