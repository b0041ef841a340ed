"""How long clients wait when the router is killed, and whether anything is lost.

`python -m bench.takeover [--kills N] [--dry]` runs a cluster of three real nodes in network namespaces (as root on Linux).
Again and again the router gets SIGKILL while clients stream at another machine's front door; then it starts again.
It prints a table and writes docs/benchmarks.md.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import machine
from bench.http import ROOT
from bench.lan_cluster import LanCluster, in_one
from bench.report import replace_section
from bench.takeover_clients import (
    CHAT,
    EVERY_S,
    Load,
    Outcome,
    Streamed,
    answered_at_door,
    answered_at_name,
    chat,
    in_background,
)
from tests.cluster.lan import LanUnavailable
from tests.cluster.machine import PORT, Machine

HEADING = "When the router dies"
NODES = 3
CLIENTS = 6
TARGET_S = (2.0, 4.0)  # median and 99th percentile
NAME = "takeover"
ECHO = '{"tokens_per_s": 40, "max_sequences": 64}'
WARM_S = 2.0  # of streaming before the kill
COPIED_S = 5.0  # what is older than so long before the kill is on two machines
FOUND_S = 10.0  # the new router has copied what it lacked by then
NOTE = (
    f"{NODES} nodes in network namespaces, each with the echo engine at 40 words a second. At the front door of a machine "
    f"that is not the router {CLIENTS} clients stream, and one more begins a short chat every {EVERY_S * 1e3:.0f} ms. The "
    "router's process gets SIGKILL; then one more client asks at the same front door, and another one, with curl on a "
    "computer without Corral, at the `.local` name. Times: from the kill until that chat is answered. Lost: streamed chats "
    "that failed before the first byte of an answer. Cut: those that had begun at the machine that died, or through it. A "
    "user, a key, the cluster's name and a finished request made before each kill are looked for afterwards (the request "
    f"was made {COPIED_S:.0f} s earlier)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What one death of the router did."""

    door_s: float
    name_s: float
    waited: int  # chats that had no byte yet when it happened, or came until the next answer
    lost: int
    cut: int
    missing: tuple[str, ...]  # of what was made before


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What must survive. `number` is that of the kill."""

    number: int
    key: str
    user: str
    word: str  # in a request of the history


def percentile(values: Sequence[float], percent: int) -> float:
    """Of at least one value: the smallest one that so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def counted(streamed: Sequence[Streamed], killed_at: float, again_at: float) -> tuple[int, int, int]:
    """How many waited for their first byte while there was no router, and how many were lost and cut."""
    waited = sum(each.waited(killed_at, again_at) for each in streamed)
    outcomes = [each.outcome for each in streamed]
    return waited, outcomes.count(Outcome.LOST), outcomes.count(Outcome.CUT)


def table(kills: Sequence[Kill]) -> list[str]:
    """Of at least one."""
    lines = [
        "| next answer at | median s | p99 s | longest s | target |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    target = f"{TARGET_S[0]:g} and {TARGET_S[1]:g}"
    for where, times in (
        (f"`http://localhost:{PORT}/v1` of another machine", [each.door_s for each in kills]),
        (f"`http://{NAME}.local:{PORT}/v1`, without Corral", [each.name_s for each in kills]),
    ):
        p50, p99 = statistics.median(times), percentile(times, 99)
        lines.append(f"| {where} | {p50:.2f} | {p99:.2f} | {max(times):.2f} | {target} |")
    missing = sorted({what for each in kills for what in each.missing})
    lines += [
        "",
        f"{len(kills)} kills. {sum(each.waited for each in kills)} streamed chats had no byte yet when the router died, or "
        f"came before the next one served; lost: {sum(each.lost for each in kills)}. {sum(each.cut for each in kills)} were cut after their first bytes. "
        + (f"Missing afterwards: {', '.join(missing)}." if missing else "Nothing was missing afterwards."),
    ]
    return lines


def make(at: Machine, number: int) -> Made:
    """Through the front door of a machine. Raises httpx.HTTPStatusError."""
    user, word = f"user-{number}", f"zebra{number}"
    answer = at.ask("POST", "/v0/api-keys", {"name": f"kill {number}", "scopes": ["api"]})
    answer.raise_for_status()
    made = Made(number=number, key=str(answer.json()["key"]), user=user, word=word)
    at.ask("POST", "/v0/users", {"username": user, "password": f"a password {number}"}).raise_for_status()
    at.ask("POST", CHAT, chat(word, 1), key=made.key).raise_for_status()
    return made


def missing(at: Machine, made: Made) -> tuple[str, ...]:
    """What of it isn't there any more, as one machine's front door shows it."""
    checks: dict[str, Callable[[], bool]] = {
        "the key": lambda: at.ask("GET", "/v1/models", key=made.key).status_code == 200,
        "the user": lambda: made.user in at.ask("GET", "/v0/users").text,
        "the cluster's name": lambda: at.cluster()["name"] == NAME,
        "the history": lambda: _recorded(at, made.word),
    }
    return tuple(what for what, holds in checks.items() if not _in_time(holds))


def _recorded(at: Machine, word: str) -> bool:
    return bool(at.ask("GET", f"/v0/dashboard/request-responses?q={word}").json()["total"] == 1)


def _in_time(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + FOUND_S
    while True:
        try:
            if holds():
                return True
        except (httpx.HTTPError, KeyError):
            pass
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def kill(cluster: LanCluster, number: int) -> Kill:
    """The router, once; afterwards all are there again. Raises DidNotSettle."""
    router = cluster.router()
    others = [each for each in cluster.machines if each is not router]
    asked, other = others[number % 2], others[(number + 1) % 2]
    made = make(asked, number)
    time.sleep(COPIED_S - WARM_S)
    with Load(asked, clients=CLIENTS, key=made.key) as load:
        time.sleep(WARM_S)
        killed_at = time.monotonic()
        router.kill()
        url = f"http://{NAME}.local:{PORT}"
        at_name = in_background(lambda: answered_at_name(cluster.lan, cluster.stranger, url, made.key))
        at_door = in_background(lambda: asked.inside_async(lambda: answered_at_door(made.key)))
        door_s, name_s = at_door() - killed_at, at_name() - killed_at
    waited, lost, cut = counted(load.streamed, killed_at, killed_at + door_s)
    for each in load.streamed:
        if each.outcome is Outcome.LOST:
            print(f"lost, sent {each.sent_at - killed_at:+.2f} s after the kill: {each.why}", flush=True)
    absent = missing(other, made)
    router.start_again()
    cluster.wait(lambda: in_one(cluster.machines), f"{router.name} to be back")
    return Kill(door_s=door_s, name_s=name_s, waited=waited, lost=lost, cut=cut, missing=absent)


def report(kills: int) -> list[str]:
    """Measure; the lines of the report."""
    done: list[Kill] = []
    loads: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="corral-bench-") as scratch,
        LanCluster(NODES, Path(scratch), echo=ECHO) as cluster,
    ):
        cluster.grow(NODES)
        cluster.machines[0].ask("PUT", "/v0/cluster", {"name": NAME}).raise_for_status()
        cluster.wait(
            lambda: cluster.lan.resolve(cluster.stranger, f"{NAME}.local") != (), "the name on the network"
        )
        for number in range(kills):
            done.append(kill(cluster, number))
            print(f"{number + 1}: {done[-1]}", flush=True)
            loads.append(os.getloadavg()[0])
    described = [f"* {line}" for line in machine.described("aiohttp", "uvloop", "zeroconf")]
    return [*described, "", f"{NOTE} Load average: {statistics.median(loads):.1f}.", "", *table(done)]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.takeover", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many; default: %(default)s")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    try:
        lines = report(options.kills)
    except LanUnavailable as error:
        raise SystemExit(f"no network of several machines can be made here: {error}") from error
    print("\n".join(lines))
    if not options.dry:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
