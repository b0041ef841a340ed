"""What it costs to have Corral between clients and a server, beside other gateways in front of the same server.

`python -m bench.gateway [--quick]` runs an upstream that answers at once or after 50 ms, and in front of it Corral, litellm,
nginx and vllm-router (those that can be installed), each on one core; it prints tables and writes docs/benchmarks.md. Linux.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.gateway_load import RATE, STREAMED_EVERY, Latencies, closed_loop, open_loop, quantile
from bench.gateways import (
    LITELLM,
    ROOT,
    VLLM_ROUTER,
    Gateway,
    Place,
    corral_gateway,
    litellm_gateway,
    nginx_gateway,
    upstream_server,
    vllm_router_gateway,
)
from bench.instant_upstream import EVENT_S, EVENTS
from bench.report import replace_section, table
from bench.samples import Samples
from bench.servers import DidNotStart, Server
from corral.app.server import loop_factory

HEADING = "A gateway in front of servers"
DIRECT, CORRAL, LITE, NGINX, VLLM = "direct", "Corral", "litellm", "nginx", "vllm-router"
GATEWAYS: dict[str, Gateway] = {
    CORRAL: corral_gateway,
    LITE: litellm_gateway,
    NGINX: nginx_gateway,
    VLLM: vllm_router_gateway,
}
CLIENTS = 32
SHARES = {"p50": 0.5, "p99": 0.99}
MEASURES = {"answer": "whole", "first event of a stream": "first", "whole stream": "last"}
NOTE = (
    f"Each gateway has one core; the upstream and the clients share another one. First table: {RATE:.0f} requests/s at random "
    f"times (open loop, counted from when each was due) to a server that takes 50 ms; every {STREAMED_EVERY}th is a stream of "
    f"{EVENTS} events, one every {EVENT_S * 1e3:.0f} ms. `adds` is what a gateway takes longer than the server alone, as the median of the "
    f"rounds. litellm is not in it: the rate is more than one core of it carries. Second table: {CLIENTS} clients, each with "
    "one request after the other (closed loop), to a server that answers at once. Only answers with status 200 that say what the "
    "server said count. Corral checks a key, queues fairly, counts tokens and keeps every request in its history; litellm checks a "
    "key, without a database; nginx and vllm-router pass bytes on, and with them the clients' own core is the limit."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long."""

    rounds: int
    open_s: float
    closed_s: float


def cores() -> tuple[int, int]:
    """For the gateway, and for the others."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


@contextlib.asynccontextmanager
async def running_sides() -> AsyncIterator[dict[str, Server]]:
    """The upstream itself, and all gateways that can be had."""
    gateway_core, core = cores()
    os.sched_setaffinity(0, {core})
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-bench-")))
        upstream = await stack.enter_async_context(upstream_server(scratch, core))
        place = Place(upstream=upstream.address, scratch=scratch, core=gateway_core)
        sides = {DIRECT: upstream}
        for name, gateway in GATEWAYS.items():
            try:
                sides[name] = await stack.enter_async_context(gateway(place))
            except DidNotStart as error:
                print(f"Without {name}: {error}", flush=True)
        yield sides


async def latency_table(sides: dict[str, Server], plan: Plan) -> list[str]:
    """What each gateway adds to the latencies of the server alone."""
    names = [name for name in sides if name != LITE]
    rounds: list[dict[str, Latencies]] = []
    for turn in range(-1, plan.rounds):
        found = {}
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
            found[name] = await open_loop(sides[name].address, seconds=plan.open_s, seed=turn)
        if turn >= 0:  # the first one warms
            rounds.append(found)
            print(
                *(f"{name} {quantile(each.whole, 0.5) * 1e3:.2f} ms" for name, each in found.items()),
                flush=True,
            )
    gateways = [name for name in names if name != DIRECT]
    lines = _head("", DIRECT, *(f"{name} adds" for name in gateways))
    for measure, field in MEASURES.items():
        for label, share in SHARES.items():
            times = {
                name: [quantile(getattr(found[name], field), share) * 1e3 for found in rounds]
                for name in names
            }
            cells = [f"{statistics.median(times[DIRECT]):.2f}"]
            for name in gateways:
                added = [ours - alone for ours, alone in zip(times[name], times[DIRECT], strict=True)]
                cells.append(f"{statistics.median(added):.2f}")
            lines.append(_row(f"{measure}, {label} (ms)", *cells))
    errors = {name: sum(found[name].errors for found in rounds) for name in names}
    return [*lines, _row("answers that were none", *(str(errors[name]) for name in names))]


async def rate_tables(sides: dict[str, Server], plan: Plan) -> list[str]:
    """Requests per second on one core."""
    samples = Samples()
    names = [name for name in sides if name != DIRECT]
    errors = dict.fromkeys(names, 0)
    for turn in range(-1, plan.rounds):
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
            for stream, measure in ((False, "answers"), (True, f"streams of {EVENTS} events")):
                rate = await closed_loop(
                    sides[name].address, clients=CLIENTS, seconds=plan.closed_s, stream=stream
                )
                if turn < 0:
                    continue
                print(f"{name}: {rate.requests_per_s:,.0f} {measure}/s", flush=True)
                errors[name] += rate.errors
                samples.add(name, measure, "per s", rate.requests_per_s, more_is_better=True)
    lines = table(samples.rows(), names)
    return [
        *lines,
        "",
        "Answers that were none: " + ", ".join(f"{name} {errors[name]}" for name in names) + ".",
    ]


async def report(plan: Plan) -> list[str]:
    """Measure; the lines of the report."""
    async with running_sides() as sides:
        latencies = await latency_table(sides, plan)
        rates = await rate_tables(sides, plan)
    described = [f"* {line}" for line in machine.described("aiohttp", "hypercorn", "quart", "uvloop")]
    return [*described, f"* Beside: {LITELLM}, {VLLM_ROUTER}, nginx", "", NOTE, "", *latencies, "", *rates]


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row("---", *["---:"] * (len(cells) - 1))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: nothing written")
    quick = parser.parse_args(arguments).quick
    plan = Plan(rounds=1, open_s=2.0, closed_s=1.0) if quick else Plan(rounds=5, open_s=8.0, closed_s=4.0)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        lines = runner.run(report(plan))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
