"""Something that is done on a machine again and again while a test does other things."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.cluster.machine import Machine


class Repeating:
    """A context manager: does `once` until its end, in a thread, and then raises what `once` raised."""

    def __init__(self, machine: Machine, once: Callable[[], None], *, pause_s: float = 0.0) -> None:
        self._machine = machine
        self._once = once
        self._pause_s = pause_s
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._done = self._machine.begin(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        failure = self._done.exception()
        if failure is not None and error is None:
            raise failure

    def _run(self) -> None:
        while not self._over.is_set():
            self._once()
            self._over.wait(self._pause_s)
