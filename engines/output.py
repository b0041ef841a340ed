"""What a worker process prints: every line goes to a callback, the last ones are kept for the dashboard."""

from collections import deque
from collections.abc import Callable
from typing import IO

Line = Callable[[str], None]  # called from the thread that reads

KEPT_LINES = 50
_LINE_BYTES = 2000  # longer lines come in pieces


class OutputTail:
    """The last lines of a worker's output."""

    def __init__(self, kept: int = KEPT_LINES) -> None:
        self._lines: deque[str] = deque(maxlen=kept)

    def follow(self, output: IO[bytes], on_line: Line | None) -> None:
        """Read until the pipe's end. Blocks; a thread of its own runs it."""
        while raw := output.readline(_LINE_BYTES):
            line = raw.decode("utf-8", "replace").rstrip()
            if line:
                self._lines.append(line)
                if on_line is not None:
                    on_line(line)

    def text(self) -> str:
        """The kept lines, newest last."""
        return "\n".join(tuple(self._lines))
