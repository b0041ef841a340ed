"""What one rendering of a stranger's template may still use: CPU time, and the text and items that it makes.

C code can't be interrupted, so what it walks through must be small before it starts: `size_of` counts a container as the
tree that comparing, hashing or printing it would visit. `[x, x]` sixty times over is a few lines, but such a tree never ends.
"""

import inspect
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

_ITEM_SIZE = 8  # what an item of a container counts as, in characters
_CONTAINER_SIZE = 64
_CHECK_EVERY = 16  # traced calls


class LimitExceeded(BaseException):
    """A template took too much time or memory. No `except Exception` on the way can swallow it."""


class Budget:
    """Used up by one thread, along one rendering."""

    def __init__(self, *, seconds: float, size: int) -> None:
        """`seconds` of CPU time, `size` characters."""
        self._left = size
        self._most = size
        self._end = time.thread_time() + seconds
        self._next_check = time.monotonic() + seconds
        self._known: dict[
            int, tuple[object, int]
        ] = {}  # id → the container, which keeps the id its own, and its size
        self._parts: set[int] = set()  # ids of lists inside of others

    def tick(self) -> None:
        """Called wherever templates can repeat something."""
        if time.monotonic() > self._next_check:
            left = self._end - time.thread_time()
            if left < 0:
                raise LimitExceeded("it takes too long")
            self._next_check = time.monotonic() + left

    def spend(self, size: int) -> None:
        """Characters and items are about to be made."""
        self._left -= size
        if self._left < 0:
            raise LimitExceeded("it makes too much text")
        self.tick()

    def size_of(self, value: object) -> int:
        """Characters, and items of the tree: a part that is referred to twice counts twice."""
        if isinstance(value, str):
            return len(value)
        if not isinstance(value, list | tuple | dict):
            return _ITEM_SIZE
        known = self._known.get(id(value))
        return known[1] if known else self._sum(value)

    def hold(self, *values: object) -> None:
        """These containers are together in one place."""
        sizes = [self.size_of(value) for value in values if isinstance(value, list | tuple | dict)]
        if sizes:
            self._check(sum(sizes))

    def grow(self, items: list[Any], item: object) -> None:
        """A list is about to be appended to."""
        if id(items) in self._parts:
            raise LimitExceeded("it changes lists that are parts of others")
        size = self.size_of(items) + _ITEM_SIZE + self.size_of(item)
        self._check(size)
        if isinstance(item, list):
            self._parts.add(id(item))
        self._known[id(items)] = (items, size)

    def _sum(self, container: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> int:
        self.spend(_CONTAINER_SIZE)
        size = _CONTAINER_SIZE + _ITEM_SIZE * len(container)
        parts: Iterable[Any] = container
        if isinstance(container, dict):
            size += sum(map(self.size_of, container))
            parts = container.values()
        for part in parts:
            size += len(part) if type(part) is str else self.size_of(part)
            if isinstance(part, list):
                self._parts.add(id(part))
        self._check(size)
        self._known[id(container)] = (container, size)
        return size

    def _check(self, size: int) -> None:
        if size > self._most:
            raise LimitExceeded("it makes too much data")


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


def current() -> Budget:
    """This rendering's budget; outside of any, one that allows nothing."""
    return _current.get() or Budget(seconds=0, size=0)


@contextmanager
def limits(*, seconds: float, size: int) -> Iterator[Budget]:
    """Bound the work on a template inside the block. Raises LimitExceeded."""
    budget = Budget(seconds=seconds, size=size)
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)


@contextmanager
def traced(budget: Budget, package: str) -> Iterator[None]:
    """Check the time at calls of a package's functions, for code that doesn't tick by itself.

    Not at other calls, nor in generators: Python makes some of them while it frees objects, and swallows what is raised there.
    """
    calls = 0

    def trace(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls >= _CHECK_EVERY and _can_raise(frame, package):
            calls = 0
            budget.tick()

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _can_raise(frame: FrameType, package: str) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == package and not frame.f_code.co_flags & inspect.CO_GENERATOR
