"""How much more several clients get than one, by the quantization of the weights.

`python -m bench.batching [--quick]` requantizes the starter model (bad for its answers, right for its speed), runs a node
with each file and then llama.cpp's decode calls alone, prints a table and writes docs/benchmarks.md. Kernels for several
tokens at once exist for some types only.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import machine, scenarios, servers
from bench.engine import MODEL, ROOT
from bench.process_tree import Bystanders
from bench.raw_decode import SEQUENCES
from bench.report import replace_section, spread
from corral.app.starter import STARTER_MODEL, fetch

HEADING = "Clients together, by quantization"
CLIENTS = (1, 4, 16)
TYPES = {"Q4_1": None, "Q4_0": 2, "Q8_0": 7}  # `llama_ftype`; None: as the file is
Speeds = dict[int, list[float]]  # tokens per second by clients or sequences, one for each round
_REQUANTIZE = """
import sys, llama_cpp
source, target, type = sys.argv[1:]
params = llama_cpp.llama_model_quantize_default_params()
params.ftype, params.allow_requantize = int(type), True
sys.exit(llama_cpp.llama_model_quantize(source.encode(), target.encode(), params))
"""


def requantized(model: Path, folder: Path, type: int | None) -> None:
    """Put the model with weights of another type into the folder."""
    folder.mkdir()
    target = folder / f"{MODEL}.gguf"
    if type is None:
        os.symlink(model, target)
        return
    command = [sys.executable, "-c", _REQUANTIZE, str(model), str(target), str(type)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def served(folder: Path, scratch: Path, *, rounds: int, max_tokens: int) -> tuple[Speeds, int]:
    """A node's tokens per second for each number of CLIENTS, by turns; and its threads."""
    speeds: Speeds = {clients: [] for clients in CLIENTS}
    async with servers.corral(folder, scratch) as server:
        await scenarios.throughput(server, 0, 1, 8)
        for number in range(rounds):
            for clients in CLIENTS:
                found = await scenarios.throughput(server, number * 20 + clients, clients, max_tokens)
                speeds[clients].append(found.tokens_per_s)
        shape = await servers.shape_of(server, max(CLIENTS))
    return speeds, shape.threads


async def alone(model: Path, *, threads: int, rounds: int) -> Speeds:
    """llama.cpp's, in a process like a worker's."""
    arguments = ["-m", "bench.raw_decode", str(model), str(threads), str(rounds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={"GOMP_SPINCOUNT": "500", **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    found = json.loads(output)
    return {int(sequences): speeds for sequences, speeds in found.items()}


def line(weights: str, ours: Speeds, raw: Speeds) -> str:
    """A row of the table."""
    cells = [weights, *(f"{statistics.median(speeds):,.0f}" for speeds in ours.values()), _gain(ours)]
    cells += [*(f"{statistics.median(speeds):,.0f}" for speeds in raw.values()), _gain(raw)]
    return "| " + " | ".join(cells) + " |"


def _gain(speeds: Speeds) -> str:
    found = spread([many / one for many, one in zip(speeds[max(speeds)], speeds[min(speeds)], strict=True)])
    return f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"


async def report(*, rounds: int, max_tokens: int) -> list[str]:
    """Measure; the lines of the report."""
    model = fetch(STARTER_MODEL, ROOT / ".cache" / "models", say=print).resolve()
    rows = []
    bystanders = Bystanders()
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as name:
        for weights, type in TYPES.items():
            folder, scratch = Path(name) / weights, Path(name) / f"{weights}-node"
            requantized(model, folder, type)
            scratch.mkdir()
            ours, threads = await served(folder, scratch, rounds=rounds, max_tokens=max_tokens)
            raw = await alone(folder / f"{MODEL}.gguf", threads=threads, rounds=rounds)
            rows.append(line(weights, ours, raw))
            print(rows[-1], flush=True)
    about = [*machine.described("llama-cpp-python"), bystanders.note()]
    about.append(f"Medians of {rounds} rounds; behind a ratio stands the middle half of the rounds' ratios")
    about.append(
        "llama.cpp alone: nothing but its decode calls, with cells of its own for each sequence; no server can do better"
    )
    header = ["weights", *(f"Corral, {clients} clients (tokens/s)" for clients in CLIENTS), "16 ÷ 1"]
    header += [f"llama.cpp alone, {count} sequences (tokens/s)" for count in SEQUENCES]
    lines = ["| " + " | ".join([*header, "16 ÷ 1"]) + " |", "| --- |" + " ---: |" * len(header)]
    return [*(f"* {each}" for each in about), "", *lines, *rows]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.batching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: few tokens, nothing written")
    quick = parser.parse_args(arguments).quick
    lines = asyncio.run(report(rounds=1 if quick else 5, max_tokens=16 if quick else 128))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
