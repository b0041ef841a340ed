"""What a rendering may use, and where its end is told."""

import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest

from corral.engines.llama.budget import Budget, LimitExceeded, traced


class Thing:
    """Can be referred to weakly."""


def of_package(function: Callable[..., Any], package: str) -> Callable[..., Any]:
    """The same function, as if it were a package's."""
    return FunctionType(function.__code__, {"__name__": f"{package}.module"})


def leave_generator(count: Callable[[], Iterator[int]]) -> None:
    """A generator that isn't read to its end is closed when it is freed."""
    for _ in range(200):
        next(count())


def do_nothing() -> None:
    """Called by `call`."""


def call(function: Callable[[], None]) -> None:
    """Enough calls to be looked at."""
    for _ in range(100):
        function()


def spent() -> Budget:
    """No time is left."""
    return Budget(seconds=0, size=0)


def test_the_end_is_told_by_a_call_of_the_package() -> None:
    function = of_package(do_nothing, "jinja2")
    with pytest.raises(LimitExceeded, match="too long"), traced(spent(), "jinja2"):
        call(function)


def test_freeing_objects_loses_neither_the_end_nor_the_tracing() -> None:
    """Were it raised there, Python would warn, and the test would fail by that; then nothing would be looked at."""
    function = of_package(do_nothing, "jinja2")
    kept = [Thing() for _ in range(100)]
    known = weakref.WeakSet(kept)
    with pytest.raises(LimitExceeded), traced(spent(), "jinja2"):
        kept.clear()  # calls back for each
        call(function)
    assert len(known) == 0


def test_generators_are_closed_in_peace() -> None:
    def count() -> Iterator[int]:
        yield from range(3)

    with traced(spent(), "jinja2"):
        leave_generator(of_package(count, "jinja2"))
