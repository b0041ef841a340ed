"""NVIDIA cards, where their driver is. The package that asks it is large, so machines without one don't load it."""

import ctypes
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_LIBRARY = "libnvidia-ml.so.1"  # of the driver, on Linux
_LOCK = threading.Lock()
_running: list[Any] = []  # pynvml while it is started


def read_cards(read: Callable[[Any, int, Any], T]) -> tuple[T, ...]:
    """What `read` makes of pynvml, a card's index and its handle; nothing where there is no driver, or it fails."""
    with _LOCK:
        nvml = _started()
        if nvml is None:
            return ()
        try:
            indices = range(nvml.nvmlDeviceGetCount())
            return tuple(read(nvml, index, nvml.nvmlDeviceGetHandleByIndex(index)) for index in indices)
        except nvml.NVMLError:
            _stop(nvml)  # the next reading begins anew: the driver may have been replaced, a card reset
            return ()


def _started() -> Any:
    """pynvml, started; None without a driver. It stays so: starting it takes 10 ms."""
    if _running:
        return _running[0]
    if not _may_have_driver():
        return None
    import pynvml  # type: ignore[import-untyped]  # 2 MB that only machines with a driver need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    _running.append(pynvml)
    return pynvml


def _stop(nvml: Any) -> None:
    _running.clear()
    with suppress(nvml.NVMLError):
        nvml.nvmlShutdown()


def _may_have_driver() -> bool:
    if not sys.platform.startswith("linux"):
        return sys.platform != "darwin"
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return True
