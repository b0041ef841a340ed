"""What governance costs: keys, queue and records, with an engine that does next to nothing.

`python -m bench.governance [--quick] [--rounds 6]` compares a node with the same HTTP side without any of it, and with
itself while it keeps no history; it prints a table and writes docs/benchmarks.md.

The same program may be a tenth faster or slower in another process. So recording is switched off and on in one process, by the
setting that anybody may change, and each round starts new ones. Only the comparisons within a round count: the table's
differences are medians of the rounds' differences. Records are written some time after their requests, so each measurement
begins when that is going on already, and the next one waits until it is over.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, servers
from bench.connection import Connection
from bench.http import MODEL, ROOT, Kind, kinds, measure
from bench.process_tree import Bystanders, processor_s
from bench.report import replace_section, spread
from bench.servers import Server
from corral.app.history.recorder import FLUSH_S

HEADING = "The cost of governance"
BARE, UNRECORDED, FULL = "bare", "without history", "Corral"
CONNECTIONS = (1, 8)
_SETTLE_S = FLUSH_S + 0.3
_AFTER_S = 1.5  # then the words of what was said are in the search index too
_WARM_S = 1.0
_TURNS = (UNRECORDED, FULL, FULL, UNRECORDED)  # what grows or wears off meanwhile is the same for both
_KEEPS = {UNRECORDED: "off", FULL: "full"}
COLUMNS = (
    "request",
    "connections",
    "bare p50 ms",
    "Corral p50 ms",
    "added ms",
    "bare requests/s",
    "without history requests/s",
    "Corral requests/s",
    "recording costs requests/s",
    "recording costs processor time",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of one server."""

    p50_ms: float
    requests_per_s: float
    processor_ms: float  # of the server's processes, per request


Found = dict[str, Sample]  # of one round, by server


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    rounds: int
    seconds: float
    write: bool  # into the documentation


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is compared."""

    bare: Server
    corral: Server


@contextlib.asynccontextmanager
async def running_sides() -> AsyncIterator[Sides]:
    """Both, in processes of their own."""
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-bench-")))
        models = scratch / "models"
        models.mkdir()
        (models / f"{MODEL}.echo").write_text('{"max_sequences": 64}')
        yield Sides(
            bare=await stack.enter_async_context(servers.bare(models, scratch)),
            corral=await stack.enter_async_context(servers.corral(models, scratch, model=MODEL)),
        )


async def report(plan: Plan) -> list[str]:
    """Measure, the servers by turns; the lines of the report."""
    cases = [(each, many) for each in kinds() if each.method == "POST" for many in CONNECTIONS]
    rounds: list[list[Found]] = [[] for _ in cases]
    bystanders = Bystanders()
    for number in range(plan.rounds):
        async with running_sides() as sides:
            for server in (sides.bare, sides.corral):
                await measure(server, *cases[-1], _WARM_S)
            for (kind, connections), found in zip(cases, rounds, strict=True):
                found.append(await _round(sides, kind, connections, plan.seconds))
        print(f"round {number + 1} of {plan.rounds}", flush=True)
    about = [*machine.described("hypercorn", "quart", "aiosqlite"), bystanders.note()]
    about.append(
        f"{plan.rounds} rounds in new processes, each with {plan.seconds:g} s of the bare server, then twice as long of Corral"
        " without and with history, by turns in one process. Medians; costs and additions are medians of the rounds' own, with"
        " the middle half of the rounds behind them"
    )
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += [line(kind.name, many, found) for (kind, many), found in zip(cases, rounds, strict=True)]
    return [*(f"* {each}" for each in about), "", *lines]


async def _round(sides: Sides, kind: Kind, connections: int, seconds: float) -> Found:
    samples: dict[str, list[Sample]] = {BARE: [await _sample(sides.bare, kind, connections, seconds)]}
    for name in _TURNS:
        await _keep(sides.corral, _KEEPS[name])
        samples.setdefault(name, []).append(await _sample(sides.corral, kind, connections, seconds))
        if name == FULL:
            await asyncio.sleep(_AFTER_S)
    return {name: _mean(found) for name, found in samples.items()}


async def _keep(server: Server, what: str) -> None:
    """What is recorded of requests from now on."""
    async with Connection(server.address) as connection:
        await connection.read("PUT", "/v0/cluster/settings/history", json.dumps({"value": what}).encode())


async def _sample(server: Server, kind: Kind, connections: int, seconds: float) -> Sample:
    await measure(server, kind, connections, _SETTLE_S)
    before = processor_s(server.process_id)
    result = await measure(server, kind, connections, seconds)
    used_s = processor_s(server.process_id) - before
    return Sample(
        p50_ms=result.p50_ms,
        requests_per_s=result.requests_per_s,
        processor_ms=used_s * 1e3 / (result.requests_per_s * seconds),
    )


def _mean(samples: Sequence[Sample]) -> Sample:
    return Sample(
        p50_ms=statistics.mean(each.p50_ms for each in samples),
        requests_per_s=statistics.mean(each.requests_per_s for each in samples),
        processor_ms=statistics.mean(each.processor_ms for each in samples),
    )


def line(kind: str, connections: int, rounds: Sequence[Found]) -> str:
    """A row of the table."""

    def latency(name: str) -> str:
        return f"{statistics.median(each[name].p50_ms for each in rounds):.2f}"

    def rate(name: str) -> str:
        return f"{statistics.median(each[name].requests_per_s for each in rounds):,.0f}"

    added = spread([each[FULL].p50_ms - each[BARE].p50_ms for each in rounds])
    lost = [1 - each[FULL].requests_per_s / each[UNRECORDED].requests_per_s for each in rounds]
    work = [each[FULL].processor_ms / each[UNRECORDED].processor_ms - 1 for each in rounds]
    cells = [kind, str(connections), latency(BARE), latency(FULL)]
    cells.append(f"{added.median:.2f} ({added.low:.2f} to {added.high:.2f})")
    cells += [rate(BARE), rate(UNRECORDED), rate(FULL), _percent(lost), _percent(work)]
    return "| " + " | ".join(cells) + " |"


def _percent(shares: Sequence[float]) -> str:
    found = spread([share * 100 for share in shares])
    return f"{found.median:.0f} % ({found.low:.0f} to {found.high:.0f})"


def plan_of(arguments: Sequence[str] | None) -> Plan:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.governance", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: nothing written")
    parser.add_argument("--rounds", type=int, help="rounds for each kind of request")
    options = parser.parse_args(arguments)
    return Plan(
        rounds=options.rounds or (1 if options.quick else 6),
        seconds=0.5 if options.quick else 1.0,
        write=not options.quick,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    plan = plan_of(arguments)
    lines = asyncio.run(report(plan))
    print("\n".join(lines))
    if plan.write:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
