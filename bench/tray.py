"""What the program in the tray holds in memory while nothing happens, with each backend of Linux and without an icon.

`python -m bench.tray [--seconds 60] [--dry]` runs a panel under Xvfb and a node without models, as tests/desktop do, prints a table
and writes docs/benchmarks.md. Beside it stands a process with nothing but an icon: what Python and the toolkit take by themselves.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import machine
from bench.http import ROOT
from bench.report import replace_section
from tests.acceptance.node import Node
from tests.desktop.desk import Desk, settings_of
from tests.desktop.screen import Screen

HEADING = "The tray at rest"
TARGET_MB = 120
HEADLESS = "without an icon"
BACKENDS = {"xorg": "X11", "gtk": "GTK", "appindicator": "AppIndicator (GTK)"}  # by pystray's names
_ICON_ALONE = """
import pystray
from PIL import Image
menu = pystray.Menu(pystray.MenuItem("One", print))
pystray.Icon("alone", Image.new("RGBA", (64, 64), "red"), "Alone", menu).run()
"""
_ALONE_S = 8.0  # until there is an icon


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Bytes of one process."""

    resident: int
    proportional: int  # pages that others have too count in part
    own: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One backend."""

    name: str
    program: Held
    alone: Held


def table(rows: Sequence[Row]) -> list[str]:
    """Markdown, in MB."""
    lines = [
        f"| {row.name} | {_mb(row.program.resident)} | < {TARGET_MB} | {_mb(row.program.proportional)} "
        f"| {_mb(row.program.own)} | {_mb(row.alone.resident)} |"
        for row in rows
    ]
    return [
        "| MB | resident | target | proportional | its own | an icon alone, resident |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *lines,
    ]


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


def held(process_id: int) -> Held:
    """Now."""
    memory = psutil.Process(process_id).memory_full_info()
    return Held(resident=memory.rss, proportional=memory.pss, own=memory.uss)


@contextmanager
def running(node: Node) -> Iterator[Node]:
    """From when it is ready."""
    try:
        node.wait_until_ready()
        yield node
    finally:
        node.stop()


def alone(program: str, environment: dict[str, str] | None = None) -> Held:
    """A process that runs nothing else."""
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        time.sleep(_ALONE_S)
        return held(process.pid)
    finally:
        process.kill()
        process.wait()


def idle(node: Node, seconds: float) -> Held:
    """A node that nobody asks anything."""
    with running(node):
        time.sleep(seconds)
        return held(node.process.pid)


def without_icon(folder: Path, seconds: float) -> Row:
    """A node where there is no display, and Python alone."""
    (folder / "models").mkdir()
    program = idle(Node(folder / "data", models=folder / "models"), seconds)
    return Row(name=HEADLESS, program=program, alone=alone("import time; time.sleep(600)"))


def with_icon(backend: str, folder: Path, seconds: float) -> Row:
    """A node with an icon on a panel of its own, and that icon alone."""
    (folder / "models").mkdir()
    (folder / "alone").mkdir()
    screen = Screen(folder / "screen")
    try:
        program = idle(Desk(screen, backend, home=folder / "data", models=folder / "models"), seconds)
        environment = {**settings_of(screen, backend, folder / "alone"), "PYSTRAY_BACKEND": backend}
        return Row(name=BACKENDS[backend], program=program, alone=alone(_ICON_ALONE, environment))
    finally:
        screen.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.tray", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of idling; default: %(default)s")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    rows = []
    for backend in (None, *BACKENDS):
        with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch:
            folder = Path(scratch)
            rows.append(
                without_icon(folder, options.seconds)
                if backend is None
                else with_icon(backend, folder, options.seconds)
            )
    lines = table(rows)
    print("\n".join(lines))
    note = (
        f"The process that the node and the icon share, {options.seconds:.0f} s after its start: no models, one machine, the icon on "
        "Xfce's panel under Xvfb. Of what GTK takes most are files that every GTK program on the desktop maps: *proportional* counts "
        "pages that other processes have too in part, *its own* leaves them out; both depend on what else runs."
    )
    described = [f"* {line}" for line in machine.described("pystray", "pillow", "quart")]
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, [*described, "", note, "", *lines])


if __name__ == "__main__":
    main()
