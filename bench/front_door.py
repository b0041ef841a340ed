"""What the front door costs: a request straight to the router, and the same through another member.

`python -m bench.front_door [--quick]` runs two members with the echo engine and without governance, and the bare HTTP side
that both have inside; it prints a table and writes docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench import machine, servers
from bench.connection import Connection
from bench.front_door_member import FOLLOWER, ROUTER, identities
from bench.http import MODEL, ROOT, Kind, kinds, measure
from bench.report import replace_section
from bench.servers import Server

HEADING = "The front door"
BARE = "bare"
SIDES = (BARE, ROUTER, FOLLOWER)
CONNECTIONS = (1, 8, 32)
NOTE = (
    "`bare` is the HTTP side without a front door, `router` the same behind the front door of the node that is router, "
    "`follower` another member that passes requests on to it over TLS; all on this machine, so both members share its "
    "cores. First byte: from the last byte of the request to the first of the answer's body."
)


@contextlib.asynccontextmanager
async def running_sides() -> AsyncIterator[dict[str, Server]]:
    """The three servers."""
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-bench-")))
        for name in ("models", ROUTER, FOLLOWER):
            (scratch / name).mkdir()
        (scratch / "models" / f"{MODEL}.echo").write_text('{"max_sequences": 64}')
        identities(scratch)
        peer_port = servers.free_port()
        yield {
            BARE: await stack.enter_async_context(servers.bare(scratch / "models", scratch)),
            **{
                role: await stack.enter_async_context(servers.front_door(role, scratch, peer_port=peer_port))
                for role in (ROUTER, FOLLOWER)
            },
        }


async def first_bytes_ms(server: Server, kind: Kind, number: int) -> list[float]:
    """Of so many requests, one after the other on one connection."""
    found = []
    async with Connection(server.address) as connection:
        for _ in range(number):
            sent, first = time.perf_counter(), 0.0
            async for _ in connection.stream(kind.method, kind.path, kind.body):
                first = first or time.perf_counter() - sent
            found.append(first * 1e3)
    return found


async def first_byte_table(sides: dict[str, Server], *, rounds: int, number: int) -> list[str]:
    """Median and 95 % of the time to the first byte, the servers by turns."""
    lines = _head(
        "request", *(f"{name} p50 ms" for name in SIDES), "router adds ms", "follower adds ms", "adds p95 ms"
    )
    for kind in kinds():
        if kind.path == "/health":
            continue
        times: dict[str, list[float]] = {name: [] for name in SIDES}
        for turn in range(rounds + 1):
            for name in (*SIDES[turn % 3 :], *SIDES[: turn % 3]):
                found = await first_bytes_ms(sides[name], kind, number)
                times[name] += found if turn else []  # the first round loads and warms
        p50 = {name: statistics.median(values) for name, values in times.items()}
        p95 = {name: statistics.quantiles(values, n=20)[-1] for name, values in times.items()}
        added = [p50[ROUTER] - p50[BARE], p50[FOLLOWER] - p50[ROUTER], p95[FOLLOWER] - p95[ROUTER]]
        lines.append(_row(kind.name, *(f"{each:.2f}" for each in (*p50.values(), *added))))
        print(lines[-1], flush=True)
    return lines


async def rate_table(sides: dict[str, Server], *, rounds: int, seconds: float) -> list[str]:
    """Requests per second, the servers by turns."""
    lines = _head(
        "request",
        "connections",
        *(f"{name} requests/s" for name in SIDES),
        "router ÷ bare",
        "follower ÷ router",
    )
    for kind in kinds():
        if kind.path == "/health":
            continue
        for connections in CONNECTIONS:
            rates: dict[str, list[float]] = {name: [] for name in SIDES}
            for turn in range(rounds):
                for name in (*SIDES[turn % 3 :], *SIDES[: turn % 3]):
                    result = await measure(sides[name], kind, connections, seconds)
                    rates[name].append(result.requests_per_s)
            rate = {name: statistics.median(values) for name, values in rates.items()}
            ratios = [rate[ROUTER] / rate[BARE], rate[FOLLOWER] / rate[ROUTER]]
            cells = [*(f"{each:,.0f}" for each in rate.values()), *(f"{each:.2f}" for each in ratios)]
            lines.append(_row(kind.name, str(connections), *cells))
            print(lines[-1], flush=True)
    return lines


async def report(*, quick: bool) -> list[str]:
    """Measure; the lines of the report."""
    async with running_sides() as sides:
        first = await first_byte_table(sides, rounds=1 if quick else 9, number=50 if quick else 200)
        rate = await rate_table(sides, rounds=1 if quick else 3, seconds=0.3 if quick else 1.0)
    described = [f"* {line}" for line in machine.described("hypercorn", "quart", "aiohttp", "uvloop")]
    return [*described, "", NOTE, "", *first, "", *rate]


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row("---", *["---:"] * (len(cells) - 1))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.front_door", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: nothing written")
    quick = parser.parse_args(arguments).quick
    lines = asyncio.run(report(quick=quick))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
