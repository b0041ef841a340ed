"""`corral run MODEL` at a terminal: a conversation, Ctrl+C, Ctrl+D."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.node import Node
from tests.engines.echo_files import write_echo

DEADLINE_S = 60.0
CTRL_D = b"\x04"


class Terminal:
    """A person at a terminal."""

    def __init__(self, *words: str, data_dir: Path) -> None:
        ours, theirs = pty.openpty()
        self._screen = ours
        self.shown = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "corral.app.cli", *words],
            env={**os.environ, "CORRAL_DATA_DIR": str(data_dir), "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def interrupt(self) -> None:
        """As Ctrl+C does for the program in front."""
        self.process.send_signal(signal.SIGINT)

    def see(self, text: bytes) -> None:
        """Wait until `text` has appeared since the last thing that was seen."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come after {self.shown!r}"
            if select.select([self._screen], [], [], 1.0)[0]:
                self.shown += os.read(self._screen, 4096)
        self.shown = self.shown.partition(text)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    (tmp_path / "models").mkdir()
    write_echo(tmp_path / "models", "slow", tokens_per_s=20)
    running = Node(tmp_path / "data", models=tmp_path / "models")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


def test_a_conversation(node: Node) -> None:
    terminal = Terminal("run", "slow", data_dir=node.home)
    try:
        terminal.see(b">>> ")
        terminal.type(b"hello there\n")
        terminal.see(b"hello there")  # what was typed
        terminal.see(b"hello there")  # the answer
        terminal.see(b">>> ")
        terminal.type(b"word " * 200 + b"\n")
        terminal.see(b"\n")
        terminal.see(b"word word")
        terminal.interrupt()
        terminal.see(b">>> ")
        terminal.type(b"still here\n")
        terminal.see(b"still here")
        terminal.see(b"still here")
        terminal.see(b">>> ")
        terminal.type(CTRL_D)
        assert terminal.process.wait(DEADLINE_S) == 0
    finally:
        terminal.close()
