"""What an attack on the LAN costs the clients of a cluster.

`python -m bench.attack [--rounds N] [--dry]` runs a cluster of two real nodes and an attacker in network namespaces (as root on
Linux), measures a client with and without each attack by turns, prints a table and writes docs/benchmarks.md.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import machine
from bench.connection import Address, Connection
from bench.http import ROOT
from bench.lan_cluster import MODEL, LanCluster
from bench.report import replace_section, spread
from corral.peers.identity.identity import load_identity
from tests.cluster.driven import Driven
from tests.cluster.lan import LanUnavailable
from tests.cluster.machine import PORT, Machine

HEADING = "Under attack"
NODES = 2
PATH = "/v1/chat/completions"
CONNECTIONS = 2
SECONDS = 5.0
ROUNDS = 5
WAIT_S = 90.0
REQUEST = b'{"model": "%s", "messages": [{"role": "user", "content": "morning"}]}' % MODEL.encode()
ATTACKS = {  # as `tests.cluster.attacker` calls them
    "certificates": "connections to the peer port with strangers' and a removed machine's certificates, 30 at once to each node",
    "noise": "connections to the peer port that speak no TLS",
    "halves": "500 half handshakes to each node, begun anew when all have been ended",
    "bodies": "a gigabyte sent to seven places of each node at once",
    "forge": "requests without a key, 20 at once to each node",
    "ask": "1,000 requests to join, 50 at once",
}
GONE = "gone"  # stands for a machine that was removed
ANNOUNCED = "300 made-up machines, announced by multicast DNS"
NOTE = (
    f"{NODES} nodes in network namespaces with the echo engine. {CONNECTIONS} connections ask the node that is not the router for "
    f"chats of one token, one after the other, for {SECONDS:.0f} s: by turns without an attack, with one, and with the attack "
    "repeated as fast as the attacker can. The attacker, both nodes and the client share one processor; the attacker's own "
    "programs are given only what the others leave (nice 19). Ratios are to the same client without an attack, in brackets the "
    "middle half of the rounds."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A client, as it was served."""

    requests_per_s: float
    p50_ms: float


def served(asked: Machine, key: str) -> Served:
    """Now, for some seconds."""
    return asked.inside_async(lambda: _ask_on_and_on(key))


async def _ask_on_and_on(key: str) -> Served:
    latencies: list[float] = []
    began = time.perf_counter()

    async def client() -> None:
        async with Connection(Address(port=PORT, key=key)) as connection:
            while (sent := time.perf_counter()) < began + SECONDS:
                await connection.read("POST", PATH, REQUEST)
                latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    rate = len(latencies) / (time.perf_counter() - began)
    return Served(requests_per_s=rate, p50_ms=statistics.median(latencies) * 1e3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The same client without the attack, with one, and with one after the other."""

    quiet: Served
    once: Served
    always: Served


def during(attacker: Driven, words: Sequence[str], measure: Callable[[], Served], *, again: bool) -> Served:
    """Measure while the attack is made, once or again and again; `words` are what the attacker is told."""
    over = threading.Event()

    def attack() -> None:
        while True:
            attacker.forget()
            attacker.tell(*words)
            attacker.until(lambda line: line["event"] == words[0], words[0], WAIT_S)
            if over.is_set() or not again:
                return

    with ThreadPoolExecutor(1) as threads:
        attacking = threads.submit(attack)
        try:
            found = measure()
        finally:
            over.set()
        attacking.result()
    return found


def measured(cluster: LanCluster, folder: Path, rounds: int) -> list[str]:
    """The rows of the table."""
    follower = next(each for each in cluster.machines if each is not cluster.router())
    made = follower.ask("POST", "/v0/api-keys", {"name": "client", "scopes": ["api"]})
    key = str(made.json()["key"])
    attacker = _attacker(cluster, folder)

    def measure() -> Served:
        return served(follower, key)

    measure()  # loads the model, warms caches
    found: dict[str, list[Round]] = {name: [] for name in ATTACKS}
    for _ in range(rounds):
        for name, of_attack in found.items():
            words = [name, str(folder / GONE)] if name == "certificates" else [name]
            of_attack.append(
                Round(
                    quiet=measure(),
                    once=during(attacker, words, measure, again=False),
                    always=during(attacker, words, measure, again=True),
                )
            )
            print(_row(name, of_attack), flush=True)
    quiet = [measure() for _ in range(rounds)]
    router = cluster.router().local()
    attacker.forget()
    attacker.tell("announce", router["cluster"]["id"], router["router"]["id"])
    attacker.event("announce")
    announced = [measure() for _ in range(rounds)]
    last = [
        Round(quiet=before, once=after, always=after) for before, after in zip(quiet, announced, strict=True)
    ]
    return [*(_row(ATTACKS[name], of_attack) for name, of_attack in found.items()), _row(ANNOUNCED, last)]


def _attacker(cluster: LanCluster, folder: Path) -> Driven:
    """On the host without Corral."""
    loot = folder / "loot"
    loot.mkdir()
    load_identity(folder / GONE)
    hosts = [cluster.lan.address(each.host) for each in cluster.machines]
    address = cluster.lan.address(cluster.stranger)
    attacker = Driven(
        cluster.lan, cluster.stranger, folder, "tests.cluster.attacker", str(loot), address, *hosts
    )
    attacker.event("started")
    psutil.Process(attacker.process.pid).nice(19)
    attacker.ask("proxy")
    return attacker


def _row(name: str, found: Sequence[Round]) -> str:
    cells = [
        name,
        f"{statistics.median(each.quiet.requests_per_s for each in found):,.0f}",
        _ratio([each.once.requests_per_s / each.quiet.requests_per_s for each in found]),
        _ratio([each.once.p50_ms / each.quiet.p50_ms for each in found]),
        _ratio([each.always.requests_per_s / each.quiet.requests_per_s for each in found]),
        _ratio([each.always.p50_ms / each.quiet.p50_ms for each in found]),
    ]
    return "| " + " | ".join(cells) + " |"


def _ratio(values: Sequence[float]) -> str:
    found = spread(values)
    return f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"


def report(rounds: int) -> list[str]:
    """Measure; the lines of the report. Raises LanUnavailable."""
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch:
        folder = Path(scratch)
        with LanCluster(NODES, folder, echo='{"max_sequences": 64}') as cluster:
            cluster.grow(NODES)
            rows = measured(cluster, folder, rounds)
    head = ("attack", "requests/s without", "once: requests/s", "p50", "without a pause: requests/s", "p50")
    described = [f"* {line}" for line in machine.described("aiohttp", "hypercorn", "uvloop")]
    rule = "| --- | ---: | ---: | ---: | ---: | ---: |"
    return [*described, "", NOTE, "", "| " + " | ".join(head) + " |", rule, *rows]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many; default: %(default)s")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    try:
        lines = report(options.rounds)
    except LanUnavailable as error:
        raise SystemExit(f"no network of several machines can be made here: {error}") from error
    print("\n".join(lines))
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
