"""The node in a thread of its own, since the icon wants the main one."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from corral.app.server import loop_factory
from corral.app.stop_signal import StopSignal

_LOOK_S = 0.2

Serve = Callable[[StopSignal], Coroutine[Any, Any, None]]


class NodeThread:
    """Runs `serve` until it ends; `error` is what ended it."""

    def __init__(self, serve: Serve, *, on_end: Callable[[], None]) -> None:
        """`on_end` is called in the node's thread."""
        self.error: BaseException | None = None
        self._serve = serve
        self._on_end = on_end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: StopSignal | None = None
        self._asked_early = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="node")

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Asked again, it doesn't wait any longer. From any thread; returns at once."""
        with self._lock:
            if self._loop is None or self._stop is None:
                self._asked_early = True
            elif not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._stop.ask)

    def wait(self) -> None:
        """Until it has ended. Signals are handled meanwhile."""
        while self._thread.is_alive():
            self._thread.join(_LOOK_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the main thread raises it again
            self.error = error
        finally:
            self._on_end()

    async def _main(self) -> None:
        stop = StopSignal()
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), stop
            if self._asked_early:
                stop.ask()
        try:
            await self._serve(stop)
        finally:
            with self._lock:
                self._loop = None
