"""What governance costs: keys, queue and records, with an engine that does next to nothing.

`python -m bench.governance [--quick]` compares a node with the same HTTP side without any of it, and with a node that
keeps no history; it prints a table and writes docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench import machine, servers
from bench.http import MODEL, ROOT, Kind, kinds, measure
from bench.report import replace_section
from bench.servers import Server

HEADING = "The cost of governance"
BARE, UNRECORDED, FULL = "bare", "without history", "Corral"
CONNECTIONS = (1, 8)
COLUMNS = (
    "request",
    "connections",
    "bare p50 ms",
    "Corral p50 ms",
    "added ms",
    "bare requests/s",
    "without history requests/s",
    "Corral requests/s",
    "recording costs",
)


@contextlib.asynccontextmanager
async def running_sides() -> AsyncIterator[dict[str, Server]]:
    """The three servers."""
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-bench-")))
        models, full, unrecorded = scratch / "models", scratch / "full", scratch / "unrecorded"
        for folder in (models, full, unrecorded):
            folder.mkdir()
        (models / f"{MODEL}.echo").write_text('{"max_sequences": 64}')
        off = {"CORRAL_HISTORY": "off"}
        yield {
            BARE: await stack.enter_async_context(servers.bare(models, scratch)),
            UNRECORDED: await stack.enter_async_context(
                servers.corral(models, unrecorded, model=MODEL, environment=off)
            ),
            FULL: await stack.enter_async_context(servers.corral(models, full, model=MODEL)),
        }


async def report(*, repeats: int, seconds: float) -> list[str]:
    """Measure, the servers by turns; the lines of the report."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    async with running_sides() as sides:
        for kind in (each for each in kinds() if each.method == "POST"):
            for connections in CONNECTIONS:
                lines.append(await _line(sides, kind, connections, repeats, seconds))
                print(lines[-1], flush=True)
    return [*(f"* {line}" for line in machine.described("hypercorn", "quart", "aiosqlite")), "", *lines]


async def _line(sides: dict[str, Server], kind: Kind, connections: int, repeats: int, seconds: float) -> str:
    p50_ms: dict[str, list[float]] = {name: [] for name in sides}
    speed: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(repeats + 1):
        names = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
        for name in names:
            result = await measure(sides[name], kind, connections, seconds if number else 0.5)
            if number:  # the first round loads and warms
                p50_ms[name].append(result.p50_ms)
                speed[name].append(result.requests_per_s)
    latency = {name: statistics.median(values) for name, values in p50_ms.items()}
    rate = {name: statistics.median(values) for name, values in speed.items()}
    cells = [kind.name, str(connections)]
    cells += [f"{latency[BARE]:.2f}", f"{latency[FULL]:.2f}", f"{latency[FULL] - latency[BARE]:.2f}"]
    cells += [f"{rate[name]:,.0f}" for name in (BARE, UNRECORDED, FULL)]
    cells.append(f"{(1 - rate[FULL] / rate[UNRECORDED]) * 100:.1f} %")
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.governance", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: nothing written")
    quick = parser.parse_args(arguments).quick
    lines = asyncio.run(report(repeats=1 if quick else 5, seconds=0.5 if quick else 1.0))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
