"""What the HTTP path costs: requests per second and latency with an engine that does next to nothing.

`python -m bench.http [--quick]` runs a node with the echo engine, prints a table and writes docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, servers
from bench.chat import PATH
from bench.connection import Connection
from bench.report import replace_section
from bench.servers import Server

ROOT = Path(__file__).parents[1]
HEADING = "The HTTP path"
MODEL = "echo"
CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of request."""

    name: str
    method: str
    path: str
    body: bytes = b""
    events: int = 0  # parts of a streamed answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One kind at one number of connections."""

    kind: Kind
    connections: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float


def kinds() -> list[Kind]:
    """From the least to the most that a request can ask for."""
    return [
        Kind(name="GET /health", method="GET", path="/health"),
        Kind(name="GET /v1/models", method="GET", path="/v1/models"),
        Kind(name="chat, 1 token", method="POST", path=PATH, body=_chat(1, stream=False)),
        Kind(name="chat, 1 token, streamed", method="POST", path=PATH, body=_chat(1, stream=True), events=1),
        Kind(name="chat, 100 tokens", method="POST", path=PATH, body=_chat(100, stream=False)),
        Kind(
            name="chat, 100 tokens, streamed",
            method="POST",
            path=PATH,
            body=_chat(100, stream=True),
            events=100,
        ),
    ]


def _chat(words: int, *, stream: bool) -> bytes:
    content = " ".join(f"word{number}" for number in range(words))
    request = {"model": MODEL, "messages": [{"role": "user", "content": content}], "stream": stream}
    return json.dumps(request).encode()


async def measure(server: Server, kind: Kind, connections: int, seconds: float) -> Result:
    """Closed loop: every connection sends its next request when the answer is complete."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def client() -> None:
        async with Connection(server.address) as connection:
            while (sent := time.perf_counter()) < started + seconds:
                await connection.read(kind.method, kind.path, kind.body)
                latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*(client() for _ in range(connections)))
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(latencies, n=100)
    return Result(
        kind=kind,
        connections=connections,
        requests_per_s=len(latencies) / elapsed,
        p50_ms=cuts[49] * 1e3,
        p99_ms=cuts[98] * 1e3,
    )


async def report(seconds: float) -> list[str]:
    """Measure; the lines of the report."""
    results = []
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as folder:
        scratch = Path(folder)
        models = scratch / "models"
        models.mkdir()
        (models / f"{MODEL}.echo").write_text('{"max_sequences": 64}')
        async with servers.corral(models, scratch, model=MODEL) as server:
            for kind in kinds():
                await measure(server, kind, 1, 0.5)  # loads the model, warms caches
                for connections in CONNECTIONS:
                    results.append(await measure(server, kind, connections, seconds))
    return [*(f"* {line}" for line in machine.described("hypercorn", "quart", "uvloop")), "", *table(results)]


def table(results: Sequence[Result]) -> list[str]:
    """Markdown; `added` is the median latency beyond that of /health at the same number of connections."""
    floor = {result.connections: result.p50_ms for result in results if result.kind.path == "/health"}
    lines = ["| request | connections | requests/s | events/s | p50 ms | p99 ms | added ms |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for result in results:
        events = f"{result.requests_per_s * result.kind.events:,.0f}" if result.kind.events else ""
        added = result.p50_ms - floor[result.connections]
        cells = [result.kind.name, str(result.connections), f"{result.requests_per_s:,.0f}", events]
        cells += [f"{result.p50_ms:.2f}", f"{result.p99_ms:.2f}", f"{added:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: half a second each, nothing written"
    )
    quick = parser.parse_args(arguments).quick
    lines = asyncio.run(report(0.5 if quick else 5.0))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
