"""What a download of a large model costs: time, memory, and what a killed node has to fetch again.

`python -m bench.pull [--gb 1] [--dry]` starts a hub on loopback and a real node, and lets `corral pull` fetch a model once without
disturbance and once with SIGKILL in the middle. The files are compared by checksum. It prints a table and writes docs/benchmarks.md.
"""

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Self

import psutil

from bench import machine
from bench.engine import ROOT
from bench.report import replace_section
from tests.acceptance.node import Node
from tests.app.command_line import Commands
from tests.app.registry.pulling import hub_in_thread
from tests.models.synth_gguf import write_llama

HEADING = "Downloads"
REPO, FILE = "bench/large-GGUF", "large-F32.gguf"
BLOCK_BYTES = 1024 * 1024
DEADLINE_S = 1800.0
_LOOK_S = 0.05
MIB = 2**20


class LargeContent:
    """A GGUF file with a tail of pseudo-random blocks, made when it is read."""

    def __init__(self, head: bytes, size_bytes: int) -> None:
        self._head = head
        self._block = Random(0).randbytes(BLOCK_BYTES)
        self.size_bytes = size_bytes
        whole = sha256()
        for start in range(0, size_bytes, BLOCK_BYTES):
            whole.update(self.read(start, min(size_bytes, start + BLOCK_BYTES)))
        self.sha256 = whole.hexdigest()

    def read(self, start: int, end: int) -> bytes:
        """Any stretch."""
        data = bytearray(self._head[start:end])
        at = start + len(data)
        while at < end:
            number, offset = divmod(at - len(self._head), BLOCK_BYTES)
            count = min(BLOCK_BYTES - offset, end - at)
            stretch = bytearray(self._block[offset : offset + count])
            if offset < 8:
                stretch[: 8 - offset] = number.to_bytes(8, "big")[offset : offset + count]
            data += stretch
            at += count
        return bytes(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One download."""

    seconds: float
    sent_bytes: int  # by the hub
    idle_bytes: int  # the node's resident memory before
    peak_bytes: int


class Peak:
    """Watches a process's resident memory while the block runs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.idle_bytes = self._process.memory_info().rss
        self.peak_bytes = self.idle_bytes

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(_LOOK_S):
            try:
                self.peak_bytes = max(self.peak_bytes, self._process.memory_info().rss)
            except psutil.NoSuchProcess:
                return


def serve_hub(pipe: Connection, head: bytes, size_bytes: int) -> None:
    """A process of its own: says where it is and what it has, then how many bytes it sent whenever it is asked."""
    with hub_in_thread() as hub:
        content = LargeContent(head, size_bytes)
        hub.repos[REPO] = {FILE: content}
        pipe.send((hub.url, content.sha256))
        while pipe.recv():
            pipe.send(hub.sent_bytes)


class Hub:
    """The hub's process."""

    def __init__(self, head: bytes, size_bytes: int) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve_hub, args=(theirs, head, size_bytes))
        self._process.start()
        self.url: str
        self.sha256: str
        self.url, self.sha256 = self._pipe.recv()

    def sent_bytes(self) -> int:
        """Since it began."""
        self._pipe.send(True)
        count: int = self._pipe.recv()
        return count

    def stop(self) -> None:
        """Ends the process."""
        self._pipe.send(False)
        self._process.join()


def undisturbed(folder: Path, hub: Hub) -> Measured:
    """One `corral pull` from beginning to end."""
    node = _node(folder, hub)
    try:
        before, began = hub.sent_bytes(), time.perf_counter()
        with Peak(node.process.pid) as memory:
            _pull(node)
            seconds = time.perf_counter() - began
        _check(folder, hub)
        return Measured(
            seconds=seconds,
            sent_bytes=hub.sent_bytes() - before,
            idle_bytes=memory.idle_bytes,
            peak_bytes=memory.peak_bytes,
        )
    finally:
        node.stop()


def killed(folder: Path, hub: Hub, size_bytes: int) -> Measured:
    """The node gets SIGKILL when half has come; measured from its next start on."""
    node = _node(folder, hub)
    try:
        before = hub.sent_bytes()
        with subprocess.Popen(_words("--no-wait"), env=Commands(node.home).environment()) as command:
            command.wait()
        _wait(lambda: hub.sent_bytes() - before > size_bytes / 2, "half of it to come")
        node.kill()
        time.sleep(1.0)  # until the hub has seen that the connections are gone
        before, began = hub.sent_bytes(), time.perf_counter()
        node.start_again()
        with Peak(node.process.pid) as memory:
            _wait(lambda: _model(folder).exists(), "the rest")
            seconds = time.perf_counter() - began
        _check(folder, hub)
        return Measured(
            seconds=seconds,
            sent_bytes=hub.sent_bytes() - before,
            idle_bytes=memory.idle_bytes,
            peak_bytes=memory.peak_bytes,
        )
    finally:
        node.stop()


def table(size_bytes: int, whole: Measured, rest: Measured) -> list[str]:
    """Markdown."""
    lines = [
        f"| a model of {size_bytes / 1e9:g} GB | seconds | MB/s | sent by the hub | memory before | at its peak |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, each in (("undisturbed", whole), ("after SIGKILL at half of it", rest)):
        lines.append(
            f"| {name} | {each.seconds:.1f} | {each.sent_bytes / 1e6 / each.seconds:,.0f} | {each.sent_bytes / 1e6:,.0f} MB "
            f"| {each.idle_bytes / MIB:.0f} MiB | {each.peak_bytes / MIB:.0f} MiB |"
        )
    return lines


def measure(size_bytes: int) -> list[str]:
    """The lines of the report."""
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as name:
        folder = Path(name)
        write_llama(folder / FILE)
        hub = Hub((folder / FILE).read_bytes(), size_bytes)
        try:
            for each in ("whole", "killed"):
                (folder / each).mkdir()
            whole = undisturbed(folder / "whole", hub)
            _model(folder / "whole").unlink()
            rest = killed(folder / "killed", hub, size_bytes)
        finally:
            hub.stop()
    note = (
        "A hub on loopback (written in Python, on the same processor), four connections, pieces of 16 MiB; each file was read back "
        "and compared with its SHA-256, by the node and once more by the benchmark. Seconds of the second row include the start "
        "of the node. Memory is the node's resident memory."
    )
    return [
        *(f"* {line}" for line in machine.described("aiohttp")),
        "",
        *table(size_bytes, whole, rest),
        "",
        note,
    ]


def _node(folder: Path, hub: Hub) -> Node:
    node = Node(folder / "data", models=folder / "models", settings={"HF_BASE_URL": hub.url})
    node.wait_until_ready()
    return node


def _words(*more: str) -> list[str]:
    return [sys.executable, "-m", "corral.app.cli", "pull", REPO, *more]


def _pull(node: Node) -> None:
    finished = subprocess.run(
        _words(), check=False, env=Commands(node.home).environment(), capture_output=True, text=True
    )
    if finished.returncode != 0:
        raise SystemExit(f"corral pull failed: {finished.stderr}")


def _model(folder: Path) -> Path:
    return folder / "models" / REPO.lower() / FILE


def _check(folder: Path, hub: Hub) -> None:
    whole = sha256()
    with _model(folder).open("rb") as file:
        while data := file.read(BLOCK_BYTES):
            whole.update(data)
    if whole.hexdigest() != hub.sha256:
        raise SystemExit("what was downloaded is not what the hub has")


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(_LOOK_S)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.pull", description=__doc__)
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--dry", action="store_true", help="don't write docs/benchmarks.md")
    options = parser.parse_args(arguments)
    lines = measure(int(options.gb * 1e9))
    print("\n".join(lines))
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
