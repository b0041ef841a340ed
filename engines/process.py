"""A worker process as its parent sees it: start it, ask it, watch it, end it."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncGenerator, Callable, Sequence

from corral.engines import frames
from corral.engines.connection import Connection
from corral.engines.engine import Progress, RequestId
from corral.engines.errors import (
    EngineError,
    InvalidRequest,
    ShuttingDown,
    WorkerCrashed,
    copy_of,
    error_from_code,
)
from corral.engines.events import Done, Event, Failed
from corral.engines.model import LiveNumbers, LoadedInfo, LoadOptions, ModelFile
from corral.engines.output import Line, OutputTail
from corral.engines.requests import Request
from corral.engines.spawn import WORKER_COMMAND, Spawned, spawn
from corral.engines.stream import EventStream

STOP_GRACE_S = 5.0


class WorkerProcess:
    """One spawned worker with one model. Not reusable: after `stop` or a crash, make another."""

    def __init__(
        self,
        *,
        engine: str,
        command: Sequence[str] = WORKER_COMMAND,
        on_lost: Callable[[], None] | None = None,
        on_line: Line | None = None,
    ) -> None:
        """`engine` is "module:Class". `on_lost` is called once, on the loop, if the process ends unasked;
        `on_line` from a thread, for each line that it prints."""
        self._engine = engine
        self._command = command
        self._on_lost = on_lost
        self._on_line = on_line
        self._tail = OutputTail()
        self._connection = Connection(on_message=self._receive, on_lost=self._lose)
        self._streams: dict[RequestId, EventStream] = {}
        self._ids = itertools.count(1)
        self._live = LiveNumbers()
        self._on_progress: Progress | None = None
        self._spawned: Spawned | None = None
        self._reader: threading.Thread | None = None
        self._memory_bytes = 0
        self._gone: EngineError | None = None  # why no request can be answered any more

    async def start(
        self, file: ModelFile, options: LoadOptions, on_progress: Progress | None = None
    ) -> LoadedInfo:
        """Load the model. Raises ModelBroken, InsufficientMemory or WorkerCrashed; nothing is left running then."""
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[LoadedInfo] = loop.create_future()
        self._exited = asyncio.Event()
        self._on_progress = on_progress
        try:
            await self._spawn(loop)
            self._connection.send(frames.Load(self._engine, file, options))
            return await self._ready
        except BaseException:
            self._ready.cancel()
            self.kill()
            await self.stop()
            raise

    async def answer(self, request: Request) -> AsyncGenerator[Event, None]:
        """The events of one request, up to and with Done. Closing the generator cancels the request.

        Raises the EngineError that a Failed event stands for, or WorkerCrashed.
        """
        if self._gone is not None:
            raise copy_of(self._gone)
        request_id = RequestId(next(self._ids))
        self._submit(request_id, request)
        stream = self._streams[request_id] = EventStream()
        try:
            while True:
                event = await stream.get()
                if type(event) is Failed:
                    self._streams.pop(request_id, None)
                    raise error_from_code(event.code, event.message, event.param)
                if type(event) is Done:
                    self._streams.pop(request_id, None)
                    yield event
                    return
                yield event
        finally:
            if self._streams.pop(request_id, None) is not None:
                self._connection.send(frames.Cancel(request_id))

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Ask the process to end, kill it after `grace_s`, and wait until it is gone. May be called again."""
        self._gone = self._gone or ShuttingDown("this model is being unloaded; try again")
        if self._spawned is None:
            return
        self._connection.send(frames.Stop())
        try:
            await asyncio.wait_for(self._exited.wait(), grace_s)
        except TimeoutError:
            self.kill()
            await self._exited.wait()
        await self._connection.closed.wait()
        if self._reader is not None:
            self._reader.join()  # it has said its last word already

    def kill(self) -> None:
        """End the process now, without asking. `stop` waits for it."""
        if self._spawned is not None:
            self._spawned.process.kill()

    @property
    def pid(self) -> int | None:
        return None if self._spawned is None else self._spawned.process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take requests, or may still come to it."""
        return self._gone is None

    @property
    def numbers(self) -> LiveNumbers:
        """The model's load, about a second old at most while busy."""
        return self._live

    @property
    def memory_bytes(self) -> int:
        """Resident memory as the process last said, mapped model file included; 0 while it has no model."""
        return self._memory_bytes

    @property
    def stderr_tail(self) -> str:
        """The last lines that the process printed."""
        return self._tail.text()

    @property
    def in_flight(self) -> int:
        """Requests that are being answered."""
        return len(self._streams)

    async def _spawn(self, loop: asyncio.AbstractEventLoop) -> None:
        spawning = asyncio.ensure_future(asyncio.to_thread(spawn, self._command))
        try:
            spawned = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                spawned = await spawning
                spawned.socket.close()
                self._follow(loop, spawned)  # so that the caller's cleanup ends it
            raise
        except OSError as error:
            raise WorkerCrashed("the process for this model could not be started") from error
        self._follow(loop, spawned)
        await self._connection.open(spawned.socket)

    def _follow(self, loop: asyncio.AbstractEventLoop, spawned: Spawned) -> None:
        self._spawned = spawned
        self._reader = threading.Thread(
            target=self._read_output, args=(loop, spawned), name=f"worker-{spawned.process.pid}", daemon=True
        )
        self._reader.start()

    def _read_output(self, loop: asyncio.AbstractEventLoop, spawned: Spawned) -> None:
        with spawned.output:
            self._tail.follow(spawned.output, self._on_line)
        spawned.process.wait()
        with contextlib.suppress(RuntimeError):  # the loop was closed without stop()
            loop.call_soon_threadsafe(self._exited.set)

    def _submit(self, request_id: RequestId, request: Request) -> None:
        try:
            self._connection.send(frames.Submit(request_id, request))
        except frames.FrameError as error:
            raise InvalidRequest(f"this request can't be answered: it is {error.message}") from error

    def _receive(self, message: frames.FromWorker) -> None:
        if type(message) is frames.Batch:
            streams = self._streams
            for request_id, event in message.events:
                stream = streams.get(request_id)
                if stream is not None:  # else cancelled a moment ago
                    stream.put(event)
        elif type(message) is frames.Numbers:
            self._live = message.live
            self._memory_bytes = message.memory_bytes
        elif type(message) is frames.Progress:
            if self._on_progress is not None:
                self._on_progress(message.fraction)
        elif not self._ready.done():
            if type(message) is frames.Ready:
                self._memory_bytes = message.memory_bytes
                self._ready.set_result(message.info)
            elif type(message) is frames.LoadFailed:
                self._ready.set_exception(error_from_code(message.code, message.message, None))

    def _lose(self) -> None:
        """The connection ended: by `stop`, or because the process died or broke the protocol."""
        unasked = self._gone is None
        error = self._gone = self._gone or WorkerCrashed("the process that runs this model ended; try again")
        self._live = LiveNumbers()
        self._memory_bytes = 0
        self.kill()
        for stream in self._streams.values():
            stream.fail(copy_of(error))
        self._streams.clear()
        if not self._ready.done():
            self._ready.set_exception(
                WorkerCrashed("the process that loads this model ended before it was ready")
            )
        elif unasked and self._on_lost is not None:
            self._on_lost()
