"""Importing a package without what it takes along only to decorate."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """What is imported here finds these packages missing, unless they are loaded already; later they can be imported.

    None in `sys.modules` is how Python's import system is told so.
    """
    missing = [name for name in names if name not in sys.modules]
    for name in missing:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
