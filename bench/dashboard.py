"""What the dashboard costs: its first paint, its size, and what its open pages take from the node.

`python -m bench.dashboard [--seconds 60] [--dry]` runs a node with the echo engine and Chromium on this machine, prints a table and
writes docs/benchmarks.md. What the tray holds in memory is measured by `bench.tray`.
"""

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from bench import machine
from bench.http import ROOT
from bench.process_tree import Bystanders, processor_s
from bench.report import replace_section
from corral.webui import BUILT
from tests.acceptance.node import Node
from tests.engines.echo_files import write_echo
from tests.page.chromium import running_browser
from tests.page.visits import DESK, Person, sign_in

HEADING = "The dashboard"
ADMIN = Person(username="admin", password="counts every sheep")
ROUNDS = 10
PAGES = 10
SETTLE_S = 10.0
_PAINTED = """() => new Promise(resolve => new PerformanceObserver((list, observer) => {
    const entry = list.getEntriesByName('first-contentful-paint')[0];
    if (entry) { observer.disconnect(); resolve(entry.startTime); }
}).observe({type: 'paint', buffered: true}))"""
_ASKED = "() => performance.getEntriesByType('resource').map(each => each.name)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measure beside what it should be at most."""

    measure: str
    value: float
    unit: str
    target: float | None = None


def table(lines: Sequence[Line]) -> list[str]:
    """Markdown."""
    rows = [
        f"| {line.measure} ({line.unit}) | {_number(line.value)} | "
        + ("" if line.target is None else f"< {line.target:g}")
        + " |"
        for line in lines
    ]
    return ["|  | measured | target |", "| --- | ---: | ---: |", *rows]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def packed_kb(files: Sequence[Path]) -> float:
    """Size of all after gzip."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) / 1000


@contextmanager
def signed_in(browser: Browser, node: Node) -> Iterator[BrowserContext]:
    """Somebody new to this node, as far as the browser's cache goes."""
    context = browser.new_context(base_url=node.url, viewport=DESK)
    try:
        sign_in(context, node, ADMIN)
        yield context
    finally:
        context.close()


def open_dashboard(context: BrowserContext) -> Page:
    """Open, and live."""
    page = context.new_page()
    page.goto("/dashboard")
    page.get_by_role("heading", level=1).wait_for()
    return page


def first_paints_ms(browser: Browser, node: Node, rounds: int) -> tuple[list[float], list[float]]:
    """With an empty cache each time: until something is painted, and until the page's heading is there."""
    paints, headings = [], []
    for _ in range(rounds + 1):
        with signed_in(browser, node) as context:
            page = open_dashboard(context)
            headings.append(float(page.evaluate("() => performance.now()")))
            paints.append(float(page.evaluate(_PAINTED)))
    return paints[1:], headings[1:]  # the first round warms the node


def first_load(browser: Browser, node: Node) -> list[Path]:
    """The built files that the overview asks for."""
    with signed_in(browser, node) as context:
        asked: Sequence[str] = open_dashboard(context).evaluate(_ASKED)
    files = {BUILT / urlsplit(url).path.removeprefix("/dashboard/") for url in asked}
    return [BUILT / "index.html", *sorted(path for path in files if path.is_file())]


def stream_percent(browser: Browser, node: Node, seconds: float) -> tuple[float, float]:
    """The node's processor in % of a core while nothing happens: without pages, and with many open ones."""
    without = _core_percent(node, seconds)
    contexts = [browser.new_context(base_url=node.url, viewport=DESK) for _ in range(PAGES)]
    try:
        for context in contexts:
            sign_in(context, node, ADMIN)
            open_dashboard(context)
        return without, _core_percent(node, seconds)
    finally:
        for context in contexts:
            context.close()


def _core_percent(node: Node, seconds: float) -> float:
    time.sleep(SETTLE_S)
    began, before = time.monotonic(), processor_s(node.process.pid)
    time.sleep(seconds)
    return (processor_s(node.process.pid) - before) / (time.monotonic() - began) * 100


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    """With an echo model that has answered once."""
    (folder / "models").mkdir()
    write_echo(folder / "models")
    node = Node(folder / "data", models=folder / "models", settings={"CORRAL_ADMIN_PASSWORD": ADMIN.password})
    try:
        node.wait_until_ready()
        with node.client() as http:
            question = {"model": "parrot", "messages": [{"role": "user", "content": "Hello"}]}
            http.post("/v1/chat/completions", json=question).raise_for_status()
        yield node
    finally:
        node.stop()


def measure(folder: Path, seconds: float) -> list[Line]:
    """Everything."""
    every = sorted(path for path in BUILT.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg"))
    with running_node(folder) as node, running_browser() as browser:
        paints, headings = first_paints_ms(browser, node, ROUNDS)
        loaded = first_load(browser, node)
        without, with_pages = stream_percent(browser, node, seconds)
    return [
        Line(
            measure="First contentful paint, nothing cached",
            value=statistics.median(paints),
            unit="ms",
            target=1000,
        ),
        Line(measure="The slowest of them", value=max(paints), unit="ms"),
        Line(measure="Until the overview's heading is there", value=statistics.median(headings), unit="ms"),
        Line(measure="Whole web app, gzip", value=packed_kb(every), unit="kB", target=300),
        Line(measure="Of it for the overview, gzip", value=packed_kb(loaded), unit="kB"),
        Line(measure="Idle node, no page open", value=without, unit="% of a core"),
        Line(
            measure=f"What {PAGES} open pages add", value=with_pages - without, unit="% of a core", target=1
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of idling; default: %(default)s")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    others = Bystanders()
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch, running_browser() as browser:
        version = browser.version
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch:
        lines = table(measure(Path(scratch), options.seconds))
    print("\n".join(lines))
    described = [f"* {line}" for line in machine.described("quart", "hypercorn", "uvloop")]
    note = (
        f"Node and browser (Chromium {version}) are on this machine. Medians of {ROUNDS} visits of somebody signed in; idle "
        f"processor time over {options.seconds:.0f} s each. {others.note()}"
    )
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, [*described, "", note, "", *lines])


if __name__ == "__main__":
    main()
