"""How a node is asked to stop: by a signal, or by whoever holds this."""

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Asked once, the node drains; asked again, it doesn't wait any longer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self.starts_anew = False

    def ask(self) -> None:
        """Returns at once."""
        again, self.starts_anew = self.starts_anew, False
        (self.hurry if self.asked.is_set() and not again else self.asked).set()

    def ask_to_start_anew(self) -> None:
        """Stop, and begin again with all parts; a stop that somebody asks for meanwhile wins. Returns at once."""
        if not self.asked.is_set():
            self.starts_anew = True
            self.asked.set()

    def begin_again(self) -> None:
        """Nobody has asked for anything yet."""
        self.starts_anew = False
        self.asked.clear()
        self.hurry.clear()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT (Ctrl+C) ask, as long as the block runs; in another thread than the main one nothing does, as
        only that one gets signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
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
