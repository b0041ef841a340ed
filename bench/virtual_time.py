"""An event loop whose clock jumps to the next timer: simulations run as fast as they compute, with real asyncio code."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_Events = list[tuple[selectors.SelectorKey, int]]


class _Jump(selectors.SelectSelector):
    """Nothing ever comes from outside; waiting takes no time but moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> _Events:
        if timeout is None:
            raise RuntimeError("everything waits, and no timer will end it")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0 s."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jump.now


def run(simulation: Coroutine[Any, Any, _T]) -> _T:
    """In a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(simulation)
    finally:
        loop.close()
