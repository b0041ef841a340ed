"""Memory that this program has freed and the C library still holds."""

import ctypes
import sys


def give_back() -> None:
    """To the system; blocks for some milliseconds. Only glibc holds much: 2 to 3 MB of a start, more after large requests."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
