"""How a node is asked to stop: by a signal, or by whoever holds this."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Asked once, the node drains; asked again, it doesn't wait any longer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()

    def ask(self) -> None:
        """Returns at once."""
        (self.hurry if self.asked.is_set() else self.asked).set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT (Ctrl+C) ask, as long as the block runs."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in before:
            if sys.platform == "win32":  # its loops know no signal handlers
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.ask))
            else:
                loop.add_signal_handler(number, self.ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                if sys.platform != "win32":
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)
