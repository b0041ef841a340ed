"""How much more several clients get than one, by the quantization of the weights.

`python -m bench.batching [--quick]` requantizes the starter model (bad for its answers, right for its speed), runs a node
with each file, prints a table and writes docs/benchmarks.md. Kernels for several tokens at once exist for some types only.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import machine, scenarios, servers
from bench.engine import MODEL, ROOT
from bench.report import replace_section
from corral.app.starter import STARTER_MODEL, fetch

HEADING = "Clients together, by quantization"
CLIENTS = (1, 4, 16)
TYPES = {"Q4_1": None, "Q4_0": 2, "Q8_0": 7}  # `llama_ftype`; None: as the file is
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


async def measure(folder: Path, scratch: Path, *, repeats: int, max_tokens: int) -> list[float]:
    """Tokens per second, the median, for each number of CLIENTS."""
    async with servers.corral(folder, scratch) as server:
        await scenarios.throughput(server, 0, 1, 8)
        speeds = []
        for clients in CLIENTS:
            rounds = [
                await scenarios.throughput(server, number * 20 + clients, clients, max_tokens)
                for number in range(repeats)
            ]
            speeds.append(statistics.median(each.tokens_per_s for each in rounds))
    return speeds


async def report(*, repeats: int, max_tokens: int) -> list[str]:
    """Measure; the lines of the report."""
    model = fetch(STARTER_MODEL, ROOT / ".cache" / "models", say=print).resolve()
    lines = [*(f"* {line}" for line in machine.described("llama-cpp-python")), ""]
    header = ["weights", *(f"{clients} clients (tokens/s)" for clients in CLIENTS), "16 clients ÷ 1"]
    lines += ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as name:
        for weights, type in TYPES.items():
            folder, scratch = Path(name) / weights, Path(name) / f"{weights}-node"
            requantized(model, folder, type)
            scratch.mkdir()
            speeds = await measure(folder, scratch, repeats=repeats, max_tokens=max_tokens)
            cells = [weights, *(f"{speed:,.0f}" for speed in speeds), f"{speeds[-1] / speeds[0]:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.batching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: few tokens, nothing written")
    quick = parser.parse_args(arguments).quick
    lines = asyncio.run(report(repeats=1 if quick else 5, max_tokens=16 if quick else 128))
    print("\n".join(lines))
    if not quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
