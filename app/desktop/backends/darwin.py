"""macOS: whatever touches AppKit must run on the main thread, else the system ends the process. Not run: see docs/platforms.md."""

import importlib
import signal
from collections.abc import Callable
from typing import Any


def on_main(call: Callable[[], None]) -> None:
    """Let the main thread make a call. Returns at once."""
    importlib.import_module("PyObjCTools.AppHelper").callAfter(call)


def leave_on_signals(leave: Callable[[], None]) -> None:
    """AppKit's loop lets Python's own handlers wait; these come through it. Call it on the main thread, in the loop."""
    signals: Any = importlib.import_module("PyObjCTools.MachSignals")
    for number in (signal.SIGINT, signal.SIGTERM):
        signals.signal(number, lambda _number: leave())
