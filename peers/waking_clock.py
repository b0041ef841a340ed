"""A clock that never jumps and goes on while the machine sleeps, so that a woken machine knows how long it slept.

Linux: CLOCK_BOOTTIME. macOS: clock_gettime's CLOCK_MONOTONIC, unlike Python's `time.monotonic`, counts sleep. Windows:
`time.monotonic` does. Only the first was run; see docs/platforms.md.
"""

import sys
import time

if sys.platform == "linux":

    def waking_clock() -> float:
        """Seconds since some moment before this process began."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
elif sys.platform == "darwin":

    def waking_clock() -> float:
        """Seconds since some moment before this process began."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)
else:

    def waking_clock() -> float:
        """Seconds since some moment before this process began."""
        return time.monotonic()
