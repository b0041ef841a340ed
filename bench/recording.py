"""What recording costs a busy node, on a processor that others use too.

`python -m bench.recording [--quick] [--turns 50]` asks a node with the echo engine without end, switches its history off and on by
turns, prints a table and writes docs/benchmarks.md.

Other machines on the same processor make the same code up to 40 % slower for some tenths of a second at a time, and the same program
is up to a tenth faster or slower in another process. So many short windows of one process are compared by those parts of each side
that were disturbed least. The clients take little of the second core, on which records are written. Windows begin when records
are being written; afterwards the node gets time for those that wait and for its search index, which waits while many come.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil

from bench import machine, servers
from bench.connection import Address, Connection
from bench.http import MODEL, ROOT, Kind, kinds, measure
from bench.process_tree import Bystanders
from bench.report import replace_section
from bench.servers import Server
from corral.app.history.recorder import FLUSH_S
from corral.app.server import loop_factory

HEADING = "The cost of recording"
CONNECTIONS = 8
OFF, FULL = "off", "full"  # values of the setting
PARTS = (0.9, 0.8, 0.7, 0.5)  # of the windows that are slower
_WINDOWS = 3  # of a turn
_WINDOW_S = 0.5
_SETTLE_S = FLUSH_S + 0.3
_IDLE_SHARE = 0.04  # of a core
_IDLE_LOOKS, _LOOK_S = 3, 0.15


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in a part of a second."""

    requests_per_s: float
    processor_us: float  # of the server, per request


class Client(asyncio.Protocol):
    """A connection that asks again as soon as it has an answer."""

    answers = 0  # to all of them together

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's only looks like one
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        if is_whole(self._read):
            if not self._read.startswith(b"HTTP/1.1 200 "):
                raise AssertionError(self._read[:500])
            self._read = b""
            Client.answers += 1
            self._transport.write(self._request)


def is_whole(answer: bytes) -> bool:
    """Whether an HTTP/1.1 answer is there to its end."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    _, has_length, rest = head.lower().partition(b"\r\ncontent-length:")
    if has_length:
        return len(body) >= int(rest.partition(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")


def request_of(kind: Kind, address: Address) -> bytes:
    """As it goes over the wire."""
    head = (
        f"{kind.method} {kind.path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
        f"Authorization: Bearer {address.key}\r\nContent-Type: application/json\r\nContent-Length: {len(kind.body)}\r\n\r\n"
    )
    return head.encode() + kind.body


async def turn(server: Server, kind: Kind, keep: str) -> list[Window]:
    """Some windows while the history keeps this."""
    async with Connection(server.address) as connection:
        await connection.read("PUT", "/v0/cluster/settings/history", json.dumps({"value": keep}).encode())
    loop, request = asyncio.get_running_loop(), request_of(kind, server.address)
    made = [
        await loop.create_connection(lambda: Client(request), server.address.host, server.address.port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(_SETTLE_S)
    windows = [await _window(server) for _ in range(_WINDOWS)]
    for transport, _ in made:
        transport.abort()
    await _until_idle(server)
    return windows


async def _window(server: Server) -> Window:
    answers, began, used_s = Client.answers, time.perf_counter(), _processor_s(server)
    await asyncio.sleep(_WINDOW_S)
    count, took_s = Client.answers - answers, time.perf_counter() - began
    used_s = _processor_s(server) - used_s
    return Window(requests_per_s=count / took_s, processor_us=used_s / count * 1e6)


def _processor_s(server: Server) -> float:
    """Of the node's process, which answers with the echo engine itself."""
    times = psutil.Process(server.process_id).cpu_times()
    return times.user + times.system


async def _until_idle(server: Server) -> None:
    idle = 0
    while idle < _IDLE_LOOKS:
        used_s = _processor_s(server)
        await asyncio.sleep(_LOOK_S)
        idle = idle + 1 if _processor_s(server) - used_s < _IDLE_SHARE * _LOOK_S else 0


async def report(turns: int) -> list[str]:
    """Measure; the lines of the report."""
    bystanders = Bystanders()
    rows = []
    for kind in (each for each in kinds() if each.method == "POST"):
        with tempfile.TemporaryDirectory(prefix="corral-bench-") as folder:
            models = Path(folder) / "models"
            models.mkdir()
            (models / f"{MODEL}.echo").write_text('{"max_sequences": 64}')
            async with servers.corral(models, Path(folder), model=MODEL) as server:
                await measure(server, kind, CONNECTIONS, 1.0)  # loads the model, warms caches
                windows: dict[str, list[Window]] = {OFF: [], FULL: []}
                for number in range(turns):
                    for keep in (OFF, FULL) if number % 2 else (FULL, OFF):
                        windows[keep] += await turn(server, kind, keep)
        rows.append(row(kind.name, windows[OFF], windows[FULL]))
        print(rows[-1], flush=True)
    about = [*machine.described("aiosqlite", "uvloop"), bystanders.note()]
    about.append(
        f"{CONNECTIONS} connections; {turns} turns for each kind of request, each with {_WINDOWS} windows of {_WINDOW_S:g} s"
        " without and with history. A column compares the windows of both sides that are faster than that part of their"
        " side's windows: the first ones were disturbed least by other programs, the last ones are the medians"
    )
    parts = [f"{part:.0%}".replace("%", " %") for part in PARTS]
    head = ["request", "without history requests/s", "with", *(f"costs at {part}" for part in parts)]
    head += ["processor µs without", "with"]
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    return [*(f"* {each}" for each in about), "", *lines, *rows]


def row(kind: str, off: Sequence[Window], full: Sequence[Window]) -> str:
    """Of the table. The rates and the processor time are those of the first column that compares."""
    rates = [[at(part, [each.requests_per_s for each in side]) for part in PARTS] for side in (off, full)]
    used = [at(1 - PARTS[0], [each.processor_us for each in side]) for side in (off, full)]
    costs = [f"{(1 - mine / theirs) * 100:.1f} %" for theirs, mine in zip(*rates, strict=True)]
    cells = [kind, *(f"{side[0]:,.0f}" for side in rates), *costs, *(f"{each:.0f}" for each in used)]
    return f"| {' | '.join(cells)} |"


def at(part: float, values: Sequence[float]) -> float:
    """The value that this part of them lies below."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.recording", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: nothing written")
    parser.add_argument("--turns", type=int, default=50, help="for each kind of request")
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        lines = runner.run(report(1 if options.quick else options.turns))
    print("\n".join(lines))
    if not options.quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
