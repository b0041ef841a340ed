"""A process on a host of the LAN that tells JSON lines, and waiting for one of them under a deadline."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.cluster.lan import Lan

DEADLINE_S = 15.0
_POLL_S = 0.01
_ROOT = Path(__file__).parents[2]

Line = dict[str, Any]


class Driven:
    """`python -m MODULE ARGUMENTS` on this host; its output is kept in `folder`."""

    def __init__(self, lan: Lan, host: str, folder: Path, module: str, *arguments: str) -> None:
        self.host = host
        self._output = folder / f"{host}-{time.monotonic_ns()}.jsonl"
        self._errors = self._output.with_suffix(".log")
        with self._output.open("wb") as out, self._errors.open("wb") as errors:
            self.process = lan.popen(
                host,
                [sys.executable, "-m", module, *arguments],
                {**os.environ, "PYTHONWARNINGS": "default", "PYTHONASYNCIODEBUG": "0"},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=errors,
                cwd=_ROOT,
            )
        self._read = 0

    def tell(self, *words: str) -> None:
        """Write one line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{' '.join(words)}\n".encode())
        self.process.stdin.flush()

    def forget(self) -> None:
        """What it told so far doesn't count for the next `until`."""
        self._read = len(self._output.read_bytes())

    def lines(self) -> list[Line]:
        """What it told since `forget`, complete lines only."""
        told = self._output.read_bytes()[self._read :]
        return [json.loads(line) for line in told.splitlines(keepends=True) if line.endswith(b"\n")]

    def until(self, right: Callable[[Line], object], what: str, deadline_s: float = DEADLINE_S) -> Line:
        """The first line for which this holds; fails the test, showing all lines, if none comes."""
        end = time.monotonic() + deadline_s
        while True:
            lines = self.lines()
            for line in lines:
                if right(line):
                    return line
            ended = self.process.poll()
            if ended is not None or time.monotonic() > end:
                raise AssertionError(self._told_instead(what, ended, lines))
            time.sleep(_POLL_S)

    def event(self, name: str) -> Line:
        """The first line of this event."""
        return self.until(lambda line: line["event"] == name, name)

    def ask(self, name: str) -> Line:
        """Tell it this word and await the answer of that name."""
        self.forget()
        self.tell(name)
        return self.event(name)

    def kill(self) -> None:
        """As a crash or a pulled plug does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def stop(self) -> None:
        """Let it end by itself."""
        self.tell("stop")
        assert self.process.wait(DEADLINE_S) == 0, self._errors.read_text()

    def errors(self) -> str:
        """What it wrote to stderr."""
        return self._errors.read_text()

    def _told_instead(self, what: str, ended: int | None, lines: list[Line]) -> str:
        shown = "\n".join(map(json.dumps, lines[-20:]))
        return (
            f"{self.host}: in vain waited for {what} (exit status {ended}); it told\n{shown}\n{self.errors()}"
        )


def known(line: Line) -> Iterator[Line]:
    """The machines that a line of the discovery driver tells."""
    yield from line.get("candidates", ())
