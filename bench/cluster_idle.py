"""What a node of an idle cluster costs: processor time, traffic, memory.

`python -m bench.cluster_idle [--nodes 2,3,5] [--seconds 60] [--dry]` runs real nodes in network namespaces (as root on Linux),
lets the cluster grow from size to size, waits until all is settled and looks at what each process and its network
card did in the time. It prints a table and writes docs/benchmarks.md.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.http import ROOT
from bench.lan_cluster import LanCluster
from bench.process_tree import members, processor_s
from bench.report import replace_section
from tests.cluster.lan import INTERFACE, Lan, LanUnavailable
from tests.cluster.machine import Machine

HEADING = "An idle cluster"
SIZES = (2, 3, 5, 10, 20)
SETTLE_S = 30.0  # after the last machine came: its questions on the network are over, and all slow down
TARGETS = {3: (0.5, 50.0), 20: (2.0, 400.0)}  # machines: % of a core, kbit/s
NOTE = (
    "Each node is a process in a network namespace of its own, all are on one bridge, nobody asks anything. Processor: user "
    "and system time of the node's process, in % of one core. Traffic: everything that its network card received and "
    "sent, with Ethernet headers, mDNS included. `worst` is the node with the most, mostly the router. "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Counters of one node since it started."""

    processor_s: float
    traffic_bytes: int
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one node took in a time without work."""

    core_percent: float
    kbit_per_s: float
    memory_mib: float


def cost(before: Reading, after: Reading, elapsed_s: float) -> Cost:
    """Between two readings of the same node."""
    return Cost(
        core_percent=(after.processor_s - before.processor_s) / elapsed_s * 100,
        kbit_per_s=(after.traffic_bytes - before.traffic_bytes) * 8 / 1000 / elapsed_s,
        memory_mib=after.memory_bytes / 2**20,
    )


def row(costs: Sequence[Cost]) -> str:
    """The line of a table for a cluster of so many nodes."""
    cores = [each.core_percent for each in costs]
    kbits = [each.kbit_per_s for each in costs]
    memory = statistics.median(each.memory_mib for each in costs)
    target = TARGETS.get(len(costs))
    cells = [
        str(len(costs)),
        f"{statistics.mean(cores):.2f}",
        f"{max(cores):.2f}",
        "" if target is None else f"< {target[0]:g}",
        f"{statistics.mean(kbits):.0f}",
        f"{max(kbits):.0f}",
        "" if target is None else f"< {target[1]:g}",
        f"{memory:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| nodes | % of a core, mean | worst | target | kbit/s, mean | worst | target | memory (MiB) |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def reading(node: Machine) -> Reading:
    """Now. Raises psutil.NoSuchProcess."""
    return Reading(
        processor_s=processor_s(node.process.pid),
        traffic_bytes=traffic_bytes(node.lan, node.host),
        memory_bytes=sum(each.memory_info().rss for each in members(node.process.pid)),
    )


def traffic_bytes(lan: Lan, host: str) -> int:
    """Received and sent on its network card."""
    link = json.loads(lan.ip(host, "-j", "-s", "link", "show", "dev", INTERFACE))[0]
    counted = link["stats64"]
    return int(counted["rx"]["bytes"]) + int(counted["tx"]["bytes"])


def measure(cluster: LanCluster, seconds: float) -> list[Cost]:
    """Of each node, in so many seconds in which nobody asks anything."""
    began, before = time.monotonic(), [reading(each) for each in cluster.machines]
    time.sleep(seconds)
    after, ended = [reading(each) for each in cluster.machines], time.monotonic()
    return [cost(one, other, ended - began) for one, other in zip(before, after, strict=True)]


def report(sizes: Sequence[int], seconds: float) -> list[str]:
    """Measure; the lines of the report."""
    lines = [*HEAD]
    loads = []
    print("\n".join(lines), flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch,
        LanCluster(max(sizes), Path(scratch)) as cluster,
    ):
        for size in sorted(sizes):
            cluster.grow(size)
            time.sleep(SETTLE_S)
            lines.append(row(measure(cluster, seconds)))
            loads.append(os.getloadavg()[0])
            print(lines[-1], flush=True)
    described = [f"* {line}" for line in machine.described("aiohttp", "uvloop", "zeroconf")]
    load = (
        f"Measured for {seconds:.0f} s each, {SETTLE_S:.0f} s after the last node had come, at a load average of "
        f"{min(loads):.1f} to {max(loads):.1f}."
    )
    return [*described, "", NOTE + load, "", *lines]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster_idle", description=__doc__)
    parser.add_argument(
        "--nodes", default=",".join(map(str, SIZES)), metavar="N,N,…", help="how many; default: %(default)s"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of idling; default: %(default)s")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    try:
        lines = report([int(each) for each in options.nodes.split(",")], options.seconds)
    except LanUnavailable as error:
        raise SystemExit(f"no network of several machines can be made here: {error}") from error
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
