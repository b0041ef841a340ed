"""One download of a model from its origin: several connections, gone on with where it ended, checked as a whole."""

import asyncio
import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from corral.app.model_copy.errors import CopyFailed, NoRoom
from corral.app.model_copy.file_sum import FileSum
from corral.app.model_copy.speed import Speed
from corral.app.model_copy.throttle import Throttle
from corral.app.registry.errors import OriginBusy, OriginFailed, OriginLied, RegistryError
from corral.app.registry.order import Order
from corral.app.registry.origin import Origin
from corral.app.registry.piece_queue import PieceQueue, Run
from corral.app.registry.piece_stream import PieceStream
from corral.app.registry.staging import PIECE_BYTES, Held, Spoilt, Staging, discard, pause

_MOST_ROUNDS = 2  # of fetching a file whose checksum is wrong
_HELD_NOTE = "another program downloads it into this folder"
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How downloads behave."""

    connections: int = 4
    piece_bytes: int = PIECE_BYTES
    keep_free_bytes: int = 512 * 1024 * 1024  # on the disk
    patience_s: float = 300.0  # without a byte
    first_pause_s: float = 1.0  # after a failure, doubled each time
    longest_pause_s: float = 30.0
    look_s: float = 0.5  # between two looks at whether the other program has ended


class HubDownload:
    """`run` it once. The properties say how it goes."""

    def __init__(
        self,
        *,
        order: Order,
        folder: Path,
        origin: Origin,
        throttle: Throttle,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Into `folder`, that of models; `throttle` bounds what all downloads take together."""
        self.order = order
        self._folder = folder
        self._origin = origin
        self._throttle = throttle
        self._limits = limits
        self._clock = clock
        self._speed = Speed()
        self._queue = PieceQueue([each.size_bytes for each in order.files], limits.piece_bytes, ())
        self._coming: dict[asyncio.Task[None], int] = {}
        self._last_byte_at = clock()
        self._verifying = False
        self._note = ""

    @property
    def verifying(self) -> bool:
        """Whether everything is there and is being read back."""
        return self._verifying

    @property
    def done_bytes(self) -> int:
        return self._queue.done_bytes + sum(self._coming.values())

    @property
    def total_bytes(self) -> int | None:
        return self.order.size_bytes

    @property
    def active_sources(self) -> int:
        """1 while bytes come: all connections are to one origin."""
        return 1 if self._coming else 0

    @property
    def bytes_per_s(self) -> int:
        """Over the last seconds."""
        return 0 if self._verifying else self._speed.bytes_per_s(self._clock())

    @property
    def note(self) -> str:
        """What people should know of the way it goes; empty if nothing."""
        return self._note

    async def run(self) -> tuple[FileSum, ...]:
        """Returns when the model is in its place. Raises CopyError. What has come stays for another time."""
        try:
            staging = await self._opened()
            if staging is None:
                return ()
            try:
                await asyncio.to_thread(staging.check_room, keep_free_bytes=self._limits.keep_free_bytes)
                await self._fetched_and_right(staging)
                await asyncio.to_thread(staging.place)
            finally:
                await asyncio.to_thread(staging.close)
        except OSError as error:
            raise _readable(error) from error
        except RegistryError as error:
            raise CopyFailed(error.message) from error
        return ()

    async def discard(self) -> None:
        """Remove what has come; after `run` has ended. Raises OSError."""
        await asyncio.to_thread(discard, self._folder, self.order)

    async def pause(self) -> None:
        """Leave what has come until somebody asks for it again; after `run` has ended. Raises OSError."""
        await asyncio.to_thread(pause, self._folder, self.order)

    async def _opened(self) -> Staging | None:
        while True:
            try:
                staging = await asyncio.to_thread(
                    Staging.opened, self._folder, self.order, piece_bytes=self._limits.piece_bytes
                )
            except Held:
                self._note = _HELD_NOTE
                await asyncio.sleep(self._limits.look_s)
            else:
                self._note = ""
                return staging

    async def _fetched_and_right(self, staging: Staging) -> None:
        """Raises RegistryError, OSError."""
        right: set[int] = set()
        for _ in range(_MOST_ROUNDS):
            await self._fetch(staging)
            right |= await self._right_files(staging, right)
            if len(right) == len(self.order.files):
                return
            _LOG.warning("what came is not what the origin said", model=self.order.name)
        raise OriginLied(
            f"what the origin sent of {self.order.name} is not what its checksum says, twice; nothing of it is used"
        )

    # --- fetching

    async def _fetch(self, staging: Staging) -> None:
        """Until every piece is there. Raises RegistryError, OSError."""
        sizes = [each.size_bytes for each in self.order.files]
        queue = self._queue = PieceQueue(sizes, self._limits.piece_bytes, staging.have)
        self._last_byte_at = self._clock()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._limits.connections):
                    group.create_task(self._work(staging, queue))
        except* (RegistryError, OSError) as errors:
            raise _first(errors) from errors

    async def _work(self, staging: Staging, queue: PieceQueue) -> None:
        """One connection. Raises RegistryError, OSError."""
        failures = 0
        while not queue.complete:
            run = queue.take()
            if run is None:
                await asyncio.sleep(self._limits.look_s)
                continue
            try:
                await self._bring(staging, queue, run)
                failures = 0
            except OriginFailed as error:
                failures += 1
                await asyncio.sleep(self._pause_s(error, failures))
            finally:
                queue.put_back(run)

    async def _bring(self, staging: Staging, queue: PieceQueue, run: Run) -> None:
        """Raises OriginFailed, OSError."""
        task = asyncio.current_task()
        assert task is not None

        def coming(count: int, new: int) -> None:
            now = self._clock()
            self._coming[task] = count
            self._speed.note(new, now)
            self._last_byte_at = now
            self._note = ""

        stream = PieceStream(
            origin=self._origin,
            order=self.order,
            staging=staging,
            queue=queue,
            throttle=self._throttle,
            coming=coming,
        )
        self._coming[task] = 0
        try:
            await stream.bring(run)
        finally:
            self._coming.pop(task, None)

    def _pause_s(self, error: OriginFailed, failures: int) -> float:
        """How long to wait before the next try. Raises the error if there is no sense in one."""
        if not error.passing:
            raise error
        limits = self._limits
        pause_s = min(limits.longest_pause_s, limits.first_pause_s * 2.0 ** min(failures - 1, 16))
        if isinstance(error, OriginBusy):
            pause_s = max(pause_s, float(error.retry_after_s))
        if self._clock() + pause_s - self._last_byte_at > limits.patience_s:
            raise OriginFailed(f"{error.message}; what has come is kept, ask again later") from error
        self._note = f"{error.message}; trying again"
        _LOG.info(
            "a download goes on after a pause", model=self.order.name, error=error.message, pause_s=pause_s
        )
        return pause_s

    # --- the end

    async def _right_files(self, staging: Staging, right: set[int]) -> set[int]:
        """Read back what is not known to be right yet. Raises OSError."""
        self._verifying = True
        found = set()
        try:
            for number in range(len(self.order.files)):
                if number in right:
                    continue
                steps = staging.verify(number)
                try:
                    while await asyncio.to_thread(next, steps, None) is not None:
                        pass
                    found.add(number)
                except Spoilt:
                    continue
        finally:
            self._verifying = False
        return found


def _first(errors: BaseExceptionGroup[RegistryError | OSError]) -> RegistryError | OSError:
    """One that says something about the origin or the disk."""
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, RegistryError | OSError)
    return found


def _readable(error: OSError) -> CopyFailed | NoRoom:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoom("the disk is full; what has come is kept: make room and ask again")
    return CopyFailed(f"the model can't be written into the folder of models: {error.strerror}")
