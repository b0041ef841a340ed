"""What a graphics card brings: Corral, and beside it a llama-server of the same llama.cpp, with all layers on the card.

`python -m bench.card [--models FILE,FILE] [--llama-server PROGRAM] [--clients 1,4,16,64] [--rounds 3]` prints a table for each
model, and what each took of the card's memory. It needs a llama.cpp that was built for the card (docs/hardware.md). Without
`--models` it makes one with random weights and the shapes of an 8B. It writes no documentation: cards are rarely where
the documentation is.
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, scenarios, servers
from bench.connection import Connection
from bench.engine import Plan, Rounds, measure
from bench.large_gguf import write_large
from bench.process_tree import Bystanders
from bench.report import table
from bench.samples import Samples
from bench.servers import Server
from corral.app.starter import STARTER_MODEL, fetch
from corral.engines.accelerators import Accelerators
from corral.engines.devices import Gpu

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMemory:
    """Bytes of the cards' memory that are free, without the model, with it and without it again; and what Corral says."""

    before: int
    loaded: int
    after: int
    told: int


@contextlib.asynccontextmanager
async def running_sides(
    model: Path, scratch: Path, plan: Plan, program: Path | None
) -> AsyncIterator[list[Server]]:
    """Corral first, then llama-server in the shape that Corral chose; each has answered once."""
    folder = scratch / "models"
    folder.mkdir()
    (folder / model.name).symlink_to(model)
    async with contextlib.AsyncExitStack() as stack:
        ours = await stack.enter_async_context(servers.corral(folder, scratch))
        await scenarios.throughput(ours, 0, 1, 8)
        sides = [ours]
        if program is not None:
            shape = await servers.shape_of(ours, plan.most_sequences)
            other = servers.llama_server(
                program, model, shape, scratch, name="llama-server", devices=("--n-gpu-layers", "999")
            )
            sides.append(await stack.enter_async_context(other))
            await scenarios.throughput(sides[1], 0, 1, 8)
        yield sides


async def report(
    model: Path, plan: Plan, program: Path | None, cards: Callable[[], tuple[Gpu, ...]]
) -> list[str]:
    """Measure one model; the lines of its report."""
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch:
        async with running_sides(model, Path(scratch), plan, program) as sides:
            bystanders = Bystanders()
            await measure(sides, plan, Rounds(plan, samples))
            meanwhile = bystanders.note()
            status = await servers.node_model(sides[0])
        taken = await _card_memory(model, cards)
    live, loaded = status["live"], status["loaded"]
    python = live["step_python_s"] / max(live["step_native_s"] + live["step_python_s"], 1e-9)
    sizes = (
        f"{loaded['gpu_layers']} layers on the card, {loaded['max_sequences']} answers at a time, context of "
        f"{loaded['context_length']:,} tokens, cache of {loaded['cache_tokens']:,}"
    )
    memory = (
        f"The card's memory: {_gib(taken.before - taken.loaded)} GiB taken, Corral says {_gib(taken.told)} GiB; "
        f"{_gib(taken.before - taken.after)} GiB after unloading"
    )
    share = f"Python's share of Corral's decode steps: {python:.1%} over {live['steps']:,} steps"
    about = [f"* {line}" for line in (sizes, memory, share, meanwhile)]
    names = [side.name for side in sides]
    return [f"### {loaded['description']} ({model.name})", "", *about, "", *table(samples.rows(), names)]


async def _card_memory(model: Path, cards: Callable[[], tuple[Gpu, ...]]) -> CardMemory:
    """Load the model once more, alone, and unload it."""

    def free() -> int:
        return sum(card.free_bytes for card in cards())

    with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch:
        folder = Path(scratch) / "models"
        folder.mkdir()
        (folder / model.name).symlink_to(model)
        async with servers.corral(folder, Path(scratch)) as ours:
            before = free()
            await scenarios.throughput(ours, 0, 1, 8)
            loaded = free()
            told = (await servers.node_model(ours))["loaded"]["gpu_memory_bytes"]
            async with Connection(ours.address) as connection:
                await connection.read(
                    "POST", "/v0/node/models/unload", json.dumps({"model": ours.model}).encode()
                )
            after = free()
    return CardMemory(before=before, loaded=loaded, after=after, told=told)


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.card", description=__doc__)
    parser.add_argument("--models", help="model files, with commas between them")
    parser.add_argument("--llama-server", type=Path, help="the program to compare with")
    parser.add_argument("--clients", default="1,4,16,64", help="numbers of clients")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the median counts")
    parser.add_argument("--max-tokens", type=int, default=128, help="tokens of an answer")
    options = parser.parse_args(arguments)
    cards = Accelerators(worth_asking=lambda: True)
    if not cards():
        parser.exit(1, "llama.cpp finds no graphics card here; see docs/hardware.md\n")
    plan = Plan(
        clients=tuple(int(number) for number in options.clients.split(",")),
        rounds=options.rounds,
        max_tokens=options.max_tokens,
        stream_tokens=200,
        long_tokens=6000,
        questions=2,
        write=False,
    )
    print("\n".join(f"* {line}" for line in machine.described("llama-cpp-python")))
    print(
        "\n".join(
            f"* Card: {card.name}, {_gib(card.total_bytes)} GiB, driver {card.driver}" for card in cards()
        )
    )
    for model in _models(options.models):
        print("\n".join(["", *asyncio.run(report(model, plan, options.llama_server, cards))]), flush=True)


def _models(named: str | None) -> list[Path]:
    if named:
        return [Path(each).resolve() for each in named.split(",")]
    folder = ROOT / ".cache" / "models"
    path = folder / "random-8b.Q4_0.gguf"
    starter = fetch(STARTER_MODEL, folder, say=print)
    return [starter, path if path.exists() else write_large(path, starter)]


if __name__ == "__main__":
    main()
