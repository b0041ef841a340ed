"""NVIDIA cards, where their driver is. The package that asks it is large, so machines without one don't load it."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_LIBRARY = "libnvidia-ml.so.1"  # of the driver, on Linux


def read_cards(read: Callable[[Any, int, Any], T]) -> tuple[T, ...]:
    """What `read` makes of pynvml, a card's index and its handle; nothing where there is no driver, or it fails."""
    if not _may_have_driver():
        return ()
    import pynvml  # type: ignore[import-untyped]  # 2 MB that only machines with a driver need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        indices = range(pynvml.nvmlDeviceGetCount())
        return tuple(read(pynvml, index, pynvml.nvmlDeviceGetHandleByIndex(index)) for index in indices)
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def _may_have_driver() -> bool:
    if not sys.platform.startswith("linux"):
        return sys.platform != "darwin"
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return True
